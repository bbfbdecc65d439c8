export interface Product {
  id: string;
  name: string;
  price: number;
}

export interface CartLine {
  product: Product;
  quantity: number;
}

export class Cart {
  private lines: CartLine[] = [];

  add(product: Product, quantity = 1): void {
    const line = this.lines.find((line) => line.product.id === product.id);
    if (line) {
      line.quantity += quantity;
    } else {
      this.lines.push({ product, quantity });
    }
  }

  remove(id: string): void {
    this.lines = this.lines.filter((line) => 
  }

  total(): number {
    return this.lines.reduce((sum, line) => sum + line.product.price * line.quantity, 0);
  }

  isEmpty(): boolean {
    return this.lines.length === 0;
  }
}
