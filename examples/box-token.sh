#!/usr/bin/env bash
# Gets a token for the demo application `box-app` with a signed assertion (RFC 7523), using only curl and openssl:
#   examples/box-token.sh enterprise acme       speaks for the application's service account at Acme
#   examples/box-token.sh user usr_…            speaks for an app user, or acts as a managed one
# ISSUER, CLIENT_ID, CLIENT_SECRET, KEY_ID and KEY_FILE select another server or application; API, another address of the token endpoint.
set -euo pipefail
ISSUER=${ISSUER:-http://127.0.0.1:8080}
CLIENT_ID=${CLIENT_ID:-box-app}
KEY_FILE=${KEY_FILE:-$(dirname "$0")/demo-box-private-key.pem}

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
header=$(printf '{"alg":"RS256","typ":"JWT","kid":"%s"}' "${KEY_ID:-demo-key}" | base64url)
claims=$(printf '{"iss":"%s","sub":"%s","box_sub_type":"%s","aud":"%s/oauth2/token","jti":"%s","exp":%d}' \
    "$CLIENT_ID" "${2:?whose}" "${1:?enterprise or user}" "$ISSUER" "$(openssl rand -hex 16)" \
    "$(($(date +%s) + 30))" | base64url)
signature=$(printf %s "$header.$claims" | openssl dgst -sha256 -sign "$KEY_FILE" | base64url)
answer=$(curl -s --fail-with-body "${API:-$ISSUER}/oauth2/token" \
    -d grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer -d client_id="$CLIENT_ID" \
    -d client_secret="${CLIENT_SECRET:-box-demo-secret}" -d assertion="$header.$claims.$signature") \
    || { printf '%s\n' "$answer" >&2; exit 1; }
token=${answer#*\"access_token\":\"}
printf '%s\n' "${token%%\"*}"
