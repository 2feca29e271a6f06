/** Lets at most `limit` pieces of work go on at once, in order of asking. */
export function createTurns(limit: number) {
  let free = limit;
  const waiting: (() => void)[] = [];
  async function next(): Promise<() => void> {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const heir = waiting.shift();
      if (heir) heir();
      else free += 1;
    };
  }
  return {
    next,
    async take<T>(work: () => Promise<T>): Promise<T> {
      const done = await next();
      try {
        return await work();
      } finally {
        done();
      }
    },
  };
}
