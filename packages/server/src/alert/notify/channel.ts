/** The seam to where notifications go. */
import type { ChannelTraits } from "../groups.ts";
import { adviceOnStatus, withAdvice } from "./advice.ts";
import type { Message } from "./message.ts";

export type SendOutcome =
  | {
      readonly kind: "delivered";
      /** What the channel said to it, by number: `It answered 202.` */
      readonly answer: string;
    }
  | {
      readonly kind: "failed";
      /** Another try would end the same. */
      readonly isPermanent: boolean;
      /** What went wrong and what to do, without address, secret or body: it stands in the log. */
      readonly message: string;
      readonly retryAfterS: number | null;
    };

export interface Channel extends ChannelTraits {
  readonly name: string;
  readonly kind: string;
  readonly perMinute: number;
  /** Never rejects. A message may come twice, with the same id. */
  send(message: Message): Promise<SendOutcome>;
}

/** One HTTP POST, to an address that may be asked; rejects with a message that says nothing secret. */
export type Post = (request: PostRequest) => Promise<PostAnswer>;

export interface PostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface PostAnswer {
  readonly status: number;
  /** What `Retry-After` says, as seconds or as a date; null when it says nothing. */
  readonly retryAfterS: number | null;
}

/** Reads a secret anew each time, so that it may be rotated; rejects when there is none. */
export type Secret = () => Promise<string>;

const GONE = 410;
/** Worth another try although they are the sender's fault by their number. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 409, 425, 429]);

/** Does a POST and says how it went, whatever happens. */
export async function posted(make: () => Promise<PostRequest>, post: Post): Promise<SendOutcome> {
  try {
    const { status, retryAfterS } = await post(await make());
    if (status >= 200 && status < 300) return { kind: "delivered", answer: `It answered ${status}.` };
    const isPermanent = status === GONE || (status >= 400 && status < 500 && !TRANSIENT.has(status));
    return failed(withAdvice(`It answered ${status}.`, adviceOnStatus(status)), isPermanent, retryAfterS);
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
}

export function failed(message: string, isPermanent = false, retryAfterS: number | null = null): SendOutcome {
  return { kind: "failed", isPermanent, message: message.slice(0, 500), retryAfterS };
}
