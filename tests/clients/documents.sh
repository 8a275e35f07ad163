#!/usr/bin/env bash
# Every command of the four documents that Understudy was made from, with the hosts replaced: Box's about App
# Users, As-User and On-Behalf-Of, and Auth0's about impersonation. API is a proxy before the content API, with our
# own API under the same address; ISSUER is this server.
set -euo pipefail
export API ISSUER CLIENT_ID CLIENT_SECRET KEY_ID KEY_FILE

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
member() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }
has() { [[ $1 == *"$2"* ]] || fail "$2 is not in $1"; }
curl() { command curl -sS --fail-with-body "$@"; }

# With an assertion that the application signs: $1 is enterprise or user, $2 the id.
here=$(cd "$(dirname "$0")" && pwd)
token() { "$here/../../examples/box-token.sh" "$@"; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# As large as the one of the document.
head -c 39234 /dev/urandom >Jon_Snow.jpeg
sha1=$(openssl dgst -sha1 -r Jon_Snow.jpeg)

# 1. Request an Enterprise Token.
ACCESS_TOKEN=$(token enterprise "$ENTERPRISE")

# 2. Create an App User.
answer=$(curl "$API/2.0/users" \
-H "Authorization: Bearer $ACCESS_TOKEN" \
-d '{"name": "Ned Stark", "is_platform_access_only": true}' \
-X POST)
for name in id name login created_at modified_at language timezone space_amount space_used max_upload_size status \
    job_title phone address avatar_url; do
    has "$answer" "\"$name\":"
done
has "$answer" '"type":"user"'
has "$answer" '"name":"Ned Stark"'
has "$answer" '"login":"AppUser_'
USER_ID=$(member id <<<"$answer")

# 3. Request an App User Token.
APP_USER_TOKEN=$(token user "$USER_ID")

# 4. Upload a File.
answer=$(curl "$API/api/2.0/files/content" \
 -H "Authorization: Bearer $APP_USER_TOKEN" -X POST \
 -F attributes='{"name":"Jon_Snow.jpeg", "parent":{"id":"0"}}' \
 -F file=@Jon_Snow.jpeg)
has "$answer" '"total_count":1'
has "$answer" '"name":"Jon_Snow.jpeg"'
has "$answer" '"size":39234'
has "$answer" "\"sha1\":\"${sha1%% *}\""
for name in created_by modified_by owned_by; do
    has "$answer" "\"$name\":{\"id\":\"$USER_ID\""
done

# That user sees the file, other users do not.
answer=$(curl "$API/2.0/folders/0/items" -H "Authorization: Bearer $APP_USER_TOKEN")
has "$answer" '"name":"Jon_Snow.jpeg"'
answer=$(curl "$API/2.0/folders/0/items" -H "Authorization: Bearer $ACCESS_TOKEN")
has "$answer" '"entries":[]'

# The guide about As-User.
answer=$(curl "$API/2.0/folders/0" \
    -H "as-user: $USER_ID" \
    -H "authorization: Bearer $ACCESS_TOKEN")
has "$answer" '"name":"Jon_Snow.jpeg"'
has "$answer" "\"owned_by\":{\"id\":\"$USER_ID\""

# The post about On-Behalf-Of.
answer=$(curl "$API/2.0/folders/0/items" \
-H "Authorization: Bearer $ACCESS_TOKEN" \
-H "On-Behalf-Of: $MANAGED_EMAIL")
has "$answer" '"entries":[]'

# The two headers on our own API.
answer=$(curl "$API/2.0/users/me" -H "as-user: $USER_ID" -H "authorization: Bearer $ACCESS_TOKEN")
has "$answer" "\"id\":\"$USER_ID\""
answer=$(curl "$API/2.0/users/me" -H "Authorization: Bearer $ACCESS_TOKEN" -H "On-Behalf-Of: $MANAGED_EMAIL")
has "$answer" "\"id\":\"$MANAGED_USER\""

# 7. Edit an App User's Details.
answer=$(curl "$API/2.0/users/$USER_ID" \
-H "Authorization: Bearer $ACCESS_TOKEN" \
-d '{"name": "patient 35321"}' \
-X PUT)
has "$answer" '"name":"patient 35321"'

# 6. Get an App User's Details.
answer=$(curl "$API/2.0/users/$USER_ID" \
-H "Authorization: Bearer $ACCESS_TOKEN")
has "$answer" '"name":"patient 35321"'
answer=$(curl "$API/2.0/users/$USER_ID?fields=is_platform_access_only" \
-H "Authorization: Bearer $ACCESS_TOKEN")
[[ $answer == "{\"id\":\"$USER_ID\",\"is_platform_access_only\":true,\"type\":\"user\"}" ]] || fail "$answer"

# 5. Delete an App User. Only now, because the steps above need it.
answer=$(curl -w '%{http_code}' "$API/2.0/users/$USER_ID" \
-H "Authorization: Bearer $ACCESS_TOKEN" \
-X DELETE)
[[ $answer == 204 ]] || fail "delete: $answer"
for path in 2.0/users/me 2.0/folders/0; do
    answer=$(command curl -sS -w '%{http_code}' "$API/$path" -H "Authorization: Bearer $APP_USER_TOKEN")
    [[ $answer == 401 ]] || fail "the token of a deleted user at $path: $answer"
done

# Impersonation, by the global client: JSON that is called a form.
access_token=$(curl "$ISSUER/oauth/token" -d grant_type=client_credentials -d client_id="$GLOBAL_ID" \
    -d client_secret="$GLOBAL_SECRET" | member access_token)
answer=$(curl --request POST \
  --url "$ISSUER/users/$MANAGED_USER/impersonate" \
  --header "Authorization: Bearer $access_token" \
  --header 'content-type: application/x-www-form-urlencoded; charset=UTF-8' \
  --data '{"protocol":"oauth2", "impersonator_id":"'"$IMPERSONATOR"'", "client_id":"'"$APPLICATION"'", "additionalParameters": {"response_type": "code", "state": ""}}')
[[ $answer == "$ISSUER/users/$MANAGED_USER/impersonate?&bewit="* ]] || fail "this is no link: $answer"
printf '%s\n' "$USER_ID"
