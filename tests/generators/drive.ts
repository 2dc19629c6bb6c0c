// What a partner's program does, with the types that openapi-typescript generated: token, list, accept, sealed part, events.
// Compiled with tsc --strict by tests.generators, and run by Node. Argument: the service's address.
import createClient from "openapi-fetch";
import type { components, paths } from "./partner.js";
import type { paths as Directory } from "./directory.js";

const baseUrl = process.argv[2] ?? "";

// The smallest intake needs no field that has a default in the service.
const smallest: components["schemas"]["Intake"] = {
  for_whom: "self",
  needs: ["asylum"],
  how_soon: "week",
  country: "PL",
  consent: { mode: "ask_first" },
};
const hook: components["schemas"]["NewWebhook"] = { url: "https://centre.example/pristan" };
const question: components["schemas"]["AskInfoBody"] = {};
// @ts-expect-error a code that there is not
const wrong: components["schemas"]["DeclineBody"] = { reason: "bad mood" };

function found<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const open = createClient<paths>({ baseUrl });
const form = { grant_type: "client_credentials" as const, client_id: "sandbox", client_secret: "published-and-protects-nothing" };
const token = found(
  await open.POST("/oauth/token", {
    body: form,
    bodySerializer: (body) => new URLSearchParams(body as Record<string, string>),
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  }),
);
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token.access_token}` } });
const listed = found(await client.GET("/v1/referrals", { params: { query: { state: ["offered"], limit: 5 } } }));
const [first, second] = listed.referrals;
if (!first || !second) throw new Error("the sandbox is empty");
const steps = (version: number) => ({ "Idempotency-Key": crypto.randomUUID(), "If-Match": `"${version}"` });
const accepted = found(
  await client.POST("/v1/referrals/{referral_id}/actions/accept", {
    params: { path: { referral_id: first.id }, header: steps(first.version) },
  }),
);
if (accepted.state !== "accepted") throw new Error(accepted.state);
const sealed = found(await client.GET("/v1/referrals/{referral_id}/sealed", { params: { path: { referral_id: first.id } } }));
if (!sealed.parts.length) throw new Error("nothing is sealed");
const declined = found(
  await client.POST("/v1/referrals/{referral_id}/actions/decline", {
    params: { path: { referral_id: second.id }, header: steps(second.version) },
    body: { reason: "no_capacity" },
  }),
);
if (declined.state !== "declined") throw new Error(declined.state);
const page = found(await client.GET("/v1/events", {}));
if (!("events" in page)) throw new Error("a batch was not asked for");
if (page.events[0]?.data.state !== "offered") throw new Error("no event");

const directory = createClient<Directory>({ baseUrl: `${baseUrl}/hsds/3.1` });
const services = found(await directory.GET("/services", { params: { query: { minimal: true } } }));
if (typeof services === "string") throw new Error("a table was not asked for");
const ids: string[] = services.contents.map((service) => service.id);
if (!ids.length) throw new Error("the directory is empty");
console.log("openapi-typescript: token, list, accept, sealed, decline, events, directory", Boolean(smallest && hook && question && wrong));
