#!/usr/bin/env bash
# The contract of old, by curl alone: what a program does that was written for it years ago.
set -euo pipefail

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
member() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
parameter() { sed -n "s/.*[?&]$1=\([^&]*\).*/\1/p"; }

# 1. The global client's token.
answer=$(curl -sS --fail-with-body "$ISSUER/oauth/token" -H 'Content-Type: application/json' -d @- <<END
{"client_id": "$GLOBAL_ID", "client_secret": "$GLOBAL_SECRET", "grant_type": "client_credentials"}
END
)
token=$(member access_token <<<"$answer")
[[ -n $token ]] || fail "no access token in $answer"

# 2. The link, asked for as curl asks: JSON, labelled as a form.
link=$(curl -sS --fail-with-body "$ISSUER/users/$SUBJECT/impersonate" -H "Authorization: Bearer $token" -d @- <<END
{"protocol": "oauth2", "impersonator_id": "$ACTOR", "client_id": "$CLIENT_ID",
 "additionalParameters": {"response_type": "code", "state": "abc123", "scope": "openid profile email"}}
END
)
[[ $link == "$ISSUER/users/$SUBJECT/impersonate?&bewit="* ]] || fail "this is no link: $link"

# 3. One letter changed: nothing happens.
bewit=${link#*bewit=}
[[ ${bewit:40:1} == A ]] && other=B || other=A
changed=${link%"$bewit"}${bewit:0:40}$other${bewit:41}
expected='{"error":"access_denied","error_description":"Impersonation - Bad mac"}'
answer=$(curl -sS -w ' %{http_code}' "$changed")
[[ ${answer% *} == "$expected" && ${answer##* } == 403 ]] || fail "changed: $answer"

# 4. The link itself: on to the application, with a code.
answer=$(curl -sS -o /dev/null -w '%{http_code} %{redirect_url}' "$link")
[[ $answer == "302 $CALLBACK?"* ]] || fail "the link: $answer"
location=${answer#302 }
[[ $(parameter state <<<"$location") == abc123 ]] || fail "state: $location"
code=$(parameter code <<<"$location")
[[ -n $code ]] || fail "no code: $location"

# 5. The code, exchanged like any other.
tokens=$(curl -sS --fail-with-body "$ISSUER/oauth/token" -H 'Content-Type: application/json' -d @- <<END
{"grant_type": "authorization_code", "client_id": "$CLIENT_ID", "client_secret": "$CLIENT_SECRET",
 "code": "$code", "redirect_uri": "$CALLBACK"}
END
)
[[ $tokens == *'"token_type":"Bearer"'* && $tokens == *'"expires_in":'* ]] || fail "tokens: $tokens"

# 6. The link again.
expected='{"error":"access_denied","error_description":"Impersonation - Link already used"}'
answer=$(curl -sS -w ' %{http_code}' "$link")
[[ ${answer% *} == "$expected" && ${answer##* } == 403 ]] || fail "again: $answer"

# Who it is, the Rust test reads in them.
printf '%s\n' "$tokens"
