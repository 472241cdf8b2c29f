/**
 * What the work fails with; it failing to fail is a failure. Instead of `expect(…).rejects`, which
 * runs an event loop of its own while it waits: timers that were set in there can stay unfired.
 */
export async function errorOf(work: Promise<unknown>): Promise<unknown> {
  const { hasFailed, value } = await work.then(
    (value) => ({ hasFailed: false, value }),
    (error: unknown) => ({ hasFailed: true, value: error }),
  );
  if (!hasFailed) throw new Error(`This should have failed, and gave ${JSON.stringify(value)}`);
  return value;
}
