#!/usr/bin/env bash
# Installs the programs that the tests need and the machine lacks: the Postgres server, PgBouncer, Chromium, nginx, xmlsec1, faketime,
# Node.js with the npm packages and Python with the PyPI packages of tests/clients. Does nothing the second time.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() {
    if [[ $EUID -eq 0 ]]; then "$@"; else sudo -n "$@"; fi
}

# Installs packages on Debian and its derivatives; on other systems it prints what is missing.
packages() {
    if command -v apt-get >/dev/null && as_root true 2>/dev/null; then
        echo "installing: $*"
        as_root apt-get -qq update
        DEBIAN_FRONTEND=noninteractive as_root apt-get -qq install -y --no-install-recommends "$@" >/dev/null
    else
        echo "The tests need these; install them and try again: $*" >&2
        echo "  Debian, Ubuntu:  apt-get install $*" >&2
        local brew="${*//python3-venv/python}"
        echo "  macOS:           brew install ${brew//xmlsec1/libxmlsec1}" >&2
        exit 1
    fi
}

missing=()
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
    || [[ -n ${CHROMIUM:-} ]] || missing+=(chromium)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
command -v nginx >/dev/null || [[ -x /usr/sbin/nginx ]] || missing+=(nginx)
command -v pgbouncer >/dev/null || [[ -x /usr/sbin/pgbouncer ]] || missing+=(pgbouncer)
command -v openssl >/dev/null || missing+=(openssl)
command -v curl >/dev/null || missing+=(curl)
compgen -G "/usr/lib/*/faketime/libfaketimeMT.so.1" >/dev/null || missing+=(faketime)
command -v xmlsec1 >/dev/null || missing+=(xmlsec1)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
if (( ${#missing[@]} )); then packages "${missing[@]}"; fi

scripts/install-postgres.sh

# What others wrote wants Node.js 20, and Debian 12 has 18; npm has Node.js itself as a package.
node_major() { "$1" --version | sed -E 's/^v([0-9]+).*/\1/'; }
own_node=target/node/bin/node
if (( $(node_major node) < 20 )) && [[ ! -x $own_node ]]; then
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64) platform=linux-x64 ;;
        Linux-aarch64) platform=linux-arm64 ;;
        *) echo "The tests need Node.js 20 or newer; this machine has $(node --version)." >&2; exit 1 ;;
    esac
    echo "Node.js 20 into target/node, because this machine has $(node --version)"
    rm -rf target/node
    mkdir -p target/node/bin
    npm install --prefix target/node --no-save --no-audit --no-fund --loglevel=error "node-$platform@20.20.0"
    ln -s "../node_modules/node-$platform/bin/node" "$own_node"
fi

clients=tests/clients
if [[ -f $clients/package-lock.json ]]; then
    # Node.js finds packages beside the scripts, so the scripts are seen from the target folder.
    installed=target/clients
    mkdir -p "$installed"
    ln -sfn "$PWD/$clients" "$installed/scripts"
    # Written only when all is installed, so that an installation that was cut off is begun again.
    done_mark=$installed/.installed
    if ! cmp -s "$clients/package-lock.json" "$done_mark"; then
        echo "npm ci into $installed"
        cp "$clients/package.json" "$clients/package-lock.json" "$clients/.npmrc" "$installed/"
        # Before 10 it cannot read a lock file with an override of what came from git: Debian 12 has 9.2.
        npm=(npm)
        (( $(npm --version | cut -d. -f1) >= 10 )) || npm=(npx --yes npm@10.9.2)
        (cd "$installed" && "${npm[@]}" ci --ignore-scripts --no-audit --no-fund --loglevel=error)
        cp "$clients/package-lock.json" "$done_mark"
    fi
fi

if [[ -f $clients/requirements.txt ]]; then
    done_mark=target/py/.requirements.txt
    if ! cmp -s "$clients/requirements.txt" "$done_mark"; then
        echo "python packages into target/py"
        python3 -m venv target/py
        target/py/bin/python -m pip install --quiet --disable-pip-version-check -r "$clients/requirements.txt"
        cp "$clients/requirements.txt" "$done_mark"
    fi
fi
