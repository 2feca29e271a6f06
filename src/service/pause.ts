/** A rest that someone else may end early. */
export interface Pause {
  /** Resolves after so many ms, at `end`, or when the signal comes. */
  for(ms: number): Promise<void>;
  /** Ends the rest, or makes the next one no rest at all. */
  end(): void;
}

export function pause(signal: AbortSignal): Pause {
  let wake: (() => void) | undefined;
  let called = false;
  return {
    for: (ms) =>
      new Promise<void>((resolve) => {
        if (called || signal.aborted) {
          called = false;
          resolve();
          return;
        }
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          wake = undefined;
          called = false;
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done, { once: true });
        wake = done;
      }),
    end() {
      called = true;
      wake?.();
    },
  };
}
