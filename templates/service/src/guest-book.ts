/** Who was greeted, and how often. Replace it by your database. */
export class GuestBook {
  private readonly counts = new Map<string, number>();

  add(name: string): void {
    this.counts.set(name, this.countOf(name) + 1);
  }

  countOf(name: string): number {
    return this.counts.get(name) ?? 0;
  }
}
