// The same way as drive.py, with the client that openapi-generator made for TypeScript (typescript-fetch).
// Compiled with tsc --strict by tests.generators, and run by Node. Argument: the service's address.
import {
  Configuration,
  CreateTokenGrantTypeEnum,
  DeclineBodyReasonEnum,
  EventsApi,
  type AskInfoBody,
  type Intake,
  ListReferralsStateEnum,
  type NewWebhook,
  ReferralsApi,
  SigningInApi,
} from "./index";

// Nothing but what is required: no field that has a default in the service.
const smallest: Intake = { forWhom: "self", needs: ["asylum"], howSoon: "week", country: "PL", consent: { mode: "ask_first" } };
const question: AskInfoBody = {};
const hook: NewWebhook = { url: "https://centre.example/pristan" };

function hold(held: boolean, what: string): void {
  if (!held) throw new Error(what);
}

async function main(basePath: string): Promise<void> {
  const { accessToken } = await new SigningInApi(new Configuration({ basePath })).createToken({
    grantType: CreateTokenGrantTypeEnum.ClientCredentials,
    clientId: "sandbox",
    clientSecret: "published-and-protects-nothing",
  });
  const configuration = new Configuration({ basePath, accessToken });
  const referrals = new ReferralsApi(configuration);
  const listed = await referrals.listReferrals({ state: [ListReferralsStateEnum.Offered], limit: 5 });
  const [first, second] = listed.referrals;
  if (!first || !second) throw new Error("the sandbox is empty");
  const step = (referral: { id: string; version: number }) => ({
    referralId: referral.id,
    idempotencyKey: crypto.randomUUID(),
    ifMatch: `"${referral.version}"`,
  });
  const accepted = await referrals.acceptReferral(step(first));
  hold(accepted.state === "accepted", accepted.state);
  hold((await referrals.getSealed({ referralId: first.id })).parts.length > 0, "nothing is sealed");
  const declined = await referrals.declineReferral({ ...step(second), declineBody: { reason: DeclineBodyReasonEnum.NoCapacity } });
  hold(declined.state === "declined", declined.state);
  const page = await new EventsApi(configuration).listEvents({});
  hold(page.events[0]?.data.state === "offered", "no event");
  hold(Boolean(smallest && question && hook), "");
  console.log("openapi-generator (TypeScript): token, list, accept, sealed, decline, events");
}

main(process.argv[2] ?? "").catch((error) => {
  console.error(error);
  process.exit(1);
});
