// The same way as drive.py, with the Go client that openapi-generator made. Argument: the service's address.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"

	"partner"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func hold(true_ bool, what string) {
	if !true_ {
		panic(what)
	}
}

func key() string {
	random := make([]byte, 16)
	_, err := rand.Read(random)
	check(err)
	return fmt.Sprintf("%x", random)
}

func tag(version int32) string {
	return fmt.Sprintf("\"%d\"", version)
}

func main() {
	configuration := partner.NewConfiguration()
	configuration.Servers = partner.ServerConfigurations{{URL: os.Args[1]}}
	client := partner.NewAPIClient(configuration)
	signingIn := client.SigningInAPI.CreateToken(context.Background())
	token, _, err := signingIn.GrantType("client_credentials").ClientId("sandbox").ClientSecret("published-and-protects-nothing").Execute()
	check(err)
	ctx := context.WithValue(context.Background(), partner.ContextAccessToken, token.AccessToken)

	listed, _, err := client.ReferralsAPI.ListReferrals(ctx).State([]string{"offered"}).Limit(5).Execute()
	check(err)
	hold(len(listed.Referrals) > 1, "the sandbox is empty")
	first, second := listed.Referrals[0], listed.Referrals[1]
	accepted, _, err := client.ReferralsAPI.AcceptReferral(ctx, first.Id).IdempotencyKey(key()).IfMatch(tag(first.Version)).Execute()
	check(err)
	hold(accepted.State == "accepted", accepted.State)
	sealed, _, err := client.ReferralsAPI.GetSealed(ctx, first.Id).Execute()
	check(err)
	hold(len(sealed.Parts) > 0, "nothing is sealed")
	decline := client.ReferralsAPI.DeclineReferral(ctx, second.Id).IdempotencyKey(key()).IfMatch(tag(second.Version))
	declined, _, err := decline.DeclineBody(*partner.NewDeclineBody("no_capacity")).Execute()
	check(err)
	hold(declined.State == "declined", declined.State)
	page, _, err := client.EventsAPI.ListEvents(ctx).Execute()
	check(err)
	hold(page.Events[0].Data.State == "offered", "no event")
	fmt.Println("openapi-generator (Go): token, list, accept, sealed, decline, events")
}
