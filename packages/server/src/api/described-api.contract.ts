import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { DescribedApi } from "../cli/access-page.ts";

/** The routes that a server really declares, by its own description. */
export async function describedApi(): Promise<DescribedApi> {
  const folder = await temporaryFolder();
  try {
    const server = await startTestServer(`${folder.path}/data`);
    try {
      return (await (await server.fetch("/api/openapi.json")).json()) as DescribedApi;
    } finally {
      await server.close();
    }
  } finally {
    await folder.remove();
  }
}
