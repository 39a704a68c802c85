import type { ServiceSetup } from "../setup.ts";
import { happens, work } from "../trouble.ts";
import { HttpError, type Routes } from "../web.ts";

/** Declines some charges (402), fails some (500) and answers some so late that the caller has gone. Takes whoever has a key. */
export async function payments(setup: ServiceSetup): Promise<Routes> {
  return {
    "POST /charges": async ({ body, caller }) => {
      if (caller === null) throw new HttpError(401, "a client id and an API key are needed");
      await work(8, 40);
      if (happens(0.05, setup.trouble)) await work(500, 700);
      if (happens(0.06, setup.trouble)) throw new HttpError(500, "acquirer unavailable");
      if (happens(0.08, setup.trouble)) throw new HttpError(402, "card declined");
      return { charged: body["order_id"] };
    },
  };
}
