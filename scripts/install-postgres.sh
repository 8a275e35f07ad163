#!/bin/sh
# Installs PostgreSQL's server programs if they are missing, because `understudy dev` and the tests start a private
# server with them. It neither sets up nor starts a server of the system.
set -eu

has_server() {
    for dir in "$(pg_config --bindir 2>/dev/null || true)" \
        $(printf '%s\n' "$PATH" | tr ':' ' ') \
        /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql* \
        /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
        /home/linuxbrew/.linuxbrew/opt/postgresql*/bin \
        /Applications/Postgres.app/Contents/Versions/*/bin; do
        if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then
            return 0
        fi
    done
    return 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

give_up() {
    cat >&2 <<'END'
PostgreSQL's server (`initdb` and `postgres`) is missing and could not be installed from here.
Install it with one of

    apt-get install postgresql          Debian, Ubuntu
    dnf install postgresql-server       Fedora, Red Hat
    apk add postgresql                  Alpine
    pacman -S postgresql                Arch
    brew install postgresql             macOS

or set DATABASE_URL to a PostgreSQL of your own.
END
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif has sudo; then
        sudo "$@"
    else
        give_up
    fi
}

# Debian's package would create a cluster and start it; for the time of the installation it is told not to.
install_with_apt() {
    drop_in=/etc/postgresql-common/createcluster.d/understudy.conf
    trap 'as_root rm -f "$drop_in"; as_root rmdir "${drop_in%/*}" 2>/dev/null || true' EXIT
    trap 'exit 1' HUP INT TERM
    as_root mkdir -p "${drop_in%/*}" &&
        echo 'create_main_cluster = false' | as_root tee "$drop_in" >/dev/null || return 1
    # A mirror that cannot be reached need not matter: the install says so if it does.
    as_root apt-get update || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql
}

if has_server; then
    exit 0
fi

echo "PostgreSQL's server is missing: installing it." >&2
if has apt-get; then
    install_with_apt || give_up
elif has dnf; then
    as_root dnf install -y postgresql-server || give_up
elif has apk; then
    as_root apk add postgresql || give_up
elif has pacman; then
    as_root pacman -S --needed --noconfirm postgresql || give_up
elif has brew && [ "$(id -u)" -ne 0 ]; then
    brew install postgresql || give_up
else
    give_up
fi
has_server || give_up
