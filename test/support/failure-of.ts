/** What an attempt throws, at once or later; `undefined` when it succeeds. */
export async function failureOf(attempt: () => unknown): Promise<unknown> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return error;
  }
}
