#!/usr/bin/env bash
# Every command of Box's documents about App Users, As-User and On-Behalf-Of, in their order, with the hosts
# replaced. ISSUER is this server; CONTENT, if there is one, the content API behind it.
set -euo pipefail
export ISSUER CLIENT_ID CLIENT_SECRET KEY_ID KEY_FILE

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
member() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }
has() { [[ $1 == *"$2"* ]] || fail "$2 is not in $1"; }

# With an assertion that the application signs: $1 is enterprise or user, $2 the id.
here=$(cd "$(dirname "$0")" && pwd)
token() { "$here/../../examples/box-token.sh" "$@"; }

# 1. Request an enterprise token.
ACCESS_TOKEN=$(token enterprise "$ENTERPRISE")

# 2. Create an App User.
answer=$(curl -sS --fail-with-body "$ISSUER/2.0/users" \
    -H "Authorization: Bearer $ACCESS_TOKEN" \
    -d '{"name": "Ned Stark", "is_platform_access_only": true}' \
    -X POST)
has "$answer" '"name":"Ned Stark"'
has "$answer" '"login":"AppUser_'
USER_ID=$(member id <<<"$answer")

# 3. Request an App User token.
APP_USER_TOKEN=$(token user "$USER_ID")

if [[ -n ${CONTENT:-} ]]; then
    # 4. Upload a file.
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cd "$folder"
    printf 'no picture at all' >Jon_Snow.jpeg
    answer=$(curl -sS --fail-with-body "$CONTENT/api/2.0/files/content" \
        -H "Authorization: Bearer $APP_USER_TOKEN" -X POST \
        -F attributes='{"name":"Jon_Snow.jpeg", "parent":{"id":"0"}}' \
        -F file=@Jon_Snow.jpeg)
    has "$answer" '"total_count":1'
    has "$answer" '"name":"Jon_Snow.jpeg"'
    has "$answer" "\"id\":\"$USER_ID\""

    # As that user there is the file; as nobody else.
    answer=$(curl -sS --fail-with-body "$CONTENT/2.0/folders/0/items" -H "Authorization: Bearer $APP_USER_TOKEN")
    has "$answer" Jon_Snow.jpeg

    # As-User, as the guide has it.
    answer=$(curl -sS --fail-with-body "$CONTENT/2.0/folders/0" \
        -H "as-user: $USER_ID" \
        -H "authorization: Bearer $ACCESS_TOKEN")
    has "$answer" "\"id\":\"$USER_ID\""

    # On-Behalf-Of, as the older post has it.
    answer=$(curl -sS --fail-with-body "$CONTENT/2.0/folders/0/items" \
        -H "Authorization: Bearer $ACCESS_TOKEN" \
        -H "On-Behalf-Of: $MANAGED_EMAIL")
    has "$answer" '"entries":[]'
fi

# The two headers on our own API.
answer=$(curl -sS --fail-with-body "$ISSUER/2.0/users/me" -H "as-user: $USER_ID" -H "authorization: Bearer $ACCESS_TOKEN")
has "$answer" "\"id\":\"$USER_ID\""
answer=$(curl -sS --fail-with-body "$ISSUER/2.0/users/me" -H "Authorization: Bearer $ACCESS_TOKEN" \
    -H "On-Behalf-Of: $MANAGED_EMAIL")
has "$answer" "\"id\":\"$MANAGED_USER\""

# 6. Get an App User's details.
answer=$(curl -sS --fail-with-body "$ISSUER/2.0/users/$USER_ID" \
    -H "Authorization: Bearer $ACCESS_TOKEN")
has "$answer" '"max_upload_size":'
answer=$(curl -sS --fail-with-body "$ISSUER/2.0/users/$USER_ID?fields=is_platform_access_only" \
    -H "Authorization: Bearer $ACCESS_TOKEN")
[[ $answer == "{\"id\":\"$USER_ID\",\"is_platform_access_only\":true,\"type\":\"user\"}" ]] || fail "$answer"

# 7. Edit an App User's details.
answer=$(curl -sS --fail-with-body "$ISSUER/2.0/users/$USER_ID" \
    -H "Authorization: Bearer $ACCESS_TOKEN" \
    -d '{"name": "patient 35321"}' \
    -X PUT)
has "$answer" '"name":"patient 35321"'

# 5. Delete an App User. Only now, because the steps above need it.
answer=$(curl -sS -w '%{http_code}' "$ISSUER/2.0/users/$USER_ID" \
    -H "Authorization: Bearer $ACCESS_TOKEN" \
    -X DELETE)
[[ $answer == 204 ]] || fail "delete: $answer"
answer=$(curl -sS -o /dev/null -w '%{http_code}' "$ISSUER/2.0/users/me" -H "Authorization: Bearer $APP_USER_TOKEN")
[[ $answer == 401 ]] || fail "the token of a deleted user: $answer"
printf '%s\n' "$USER_ID"
