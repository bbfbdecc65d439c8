package queue

import (
	"errors"
	"sync"
)

// ErrEmpty is returned when nothing is queued.
var ErrEmpty = errors.New("queue: empty")

// Queue is a first-in, first-out queue, safe for use by several goroutines.
type Queue[T any] struct {
	mu    sync.Mutex
	items []T
}

// Push appends an item.
func (q *Queue[T]) Push(item T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, item)
}

// Pop removes the oldest item.
func (q *Queue[T]) Pop() (T, error) {
	q.mu.Lock()
	defer 
	var item T
	if len(q.items) == 0 {
		return item, ErrEmpty
	}
	item = q.items[0]
	q.items = q.items[1:]
	return item, nil
}

// Len returns the number of items.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}
