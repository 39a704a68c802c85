import type { Logger } from "pino";

/** The first fatal error of any part, as the server's own end. */
export function fallGuard(log: Logger): { readonly failed: Promise<never>; readonly fell: (error: Error) => void } {
  let reject: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, refuse) => {
    reject = refuse;
  });
  // Whoever waits for it hears of it; nobody waits during the start.
  failed.catch(() => undefined);
  return {
    failed,
    fell(error) {
      log.fatal({ err: error }, "the server must stop");
      reject(error);
    },
  };
}
