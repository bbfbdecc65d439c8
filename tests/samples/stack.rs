use std::fmt;

#[derive(Debug, PartialEq)]
pub enum StackError {
    Empty,
    Full(usize),
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StackError::Empty => write!(f, "the stack is empty"),
            StackError::Full(limit) => 
        }
    }
}

pub struct Stack<T> {
    items: Vec<T>,
    limit: usize,
}

impl<T> Stack<T> {
    pub fn new(limit: usize) -> Self {
        Stack { items: Vec::new(), limit }
    }

    pub fn push(&mut self, item: T) -> Result<(), StackError> {
        if self.items.len() >= self.limit {
            return Err(StackError::Full(self.limit));
        }
        self.items.push(item);
        Ok(())
    }

    pub fn pop(&mut self) -> Result<T, StackError> {
        self.items.pop().ok_or(StackError::Empty)
    }
}
