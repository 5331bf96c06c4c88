#!/usr/bin/env bash
# Make .venv hold polyrelu (editable) with the extras named as arguments:
#
#     scripts/setup.sh cdd plot
#
# Quick when nothing is to be done. Installs again when pyproject.toml has changed or the
# folder has moved. A .venv that an interrupted run left half made is made afresh. Missing
# system packages are installed by apt-get where we may, else we say which are missing.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
py=$venv/bin/python
state=$venv/.polyrelu-extras  # line 1: for what it was made; line 2: the extras that are in
busy=$venv/.polyrelu-busy     # there while we install: found later, it means "half made"

say() { printf 'setup: %s\n' "$*" >&2; }
die() { for line in "$@"; do say "$line"; done; exit 1; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
has_module() { "$1" -c "import $2" 2>/dev/null; }
has_header() { printf '#include <%s>\n' "$1" | cc -E ${2:+"-I$2"} - >/dev/null 2>&1; }

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        is_new_enough "$PYTHON" || die "PYTHON=$PYTHON is not a Python >= 3.11"
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    die "polyrelu needs Python >= 3.11, but python3 is $(python3 --version 2>&1 || true)." \
        "Install one (Debian 12 and later: apt-get install python3), or name one:" \
        "    make PYTHON=/path/to/python3.12 ..."
}

# The Debian packages that python $1 needs and that are missing. Headers matter only while
# there is no cdd in .venv, as pip compiles it.
missing_packages() {
    local version include
    version=$("$1" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    if ! has_module "$1" "ensurepip, venv"; then
        echo "$version-venv"
    fi
    if has_module "$py" cdd; then
        return
    fi
    if ! command -v cc >/dev/null; then
        # Without a compiler we cannot look for headers: ask for all, apt skips what it has.
        echo "gcc libc6-dev $version-dev libcdd-dev libgmp-dev"
        return
    fi
    has_header stdio.h || echo libc6-dev
    include=$("$1" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    [ -e "$include/Python.h" ] || echo "$version-dev"
    has_header gmp.h || echo libgmp-dev
    has_header cddlib/cdd.h || echo libcdd-dev
}

install_packages() {
    local root=()
    if [ "$(id -u)" != 0 ]; then
        root=(sudo -n)
    fi
    if command -v apt-get >/dev/null && "${root[@]}" true 2>/dev/null; then
        say "installing the system packages $*"
        if "${root[@]}" apt-get -qq update >&2 &&
            "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get -qq install -y --no-install-recommends "$@" >&2; then
            return
        fi
        say "apt-get failed."
    fi
    die "These system packages are missing and could not be installed from here: $*" \
        "Please run" \
        "    sudo apt-get install $*" \
        "and then the same make command again. On a system without apt, install what" \
        "corresponds: cddlib and GMP with their headers, Python's headers and venv, a C compiler."
}

# --- Is everything there? ------------------------------------------------------------------

made_for="$PWD $(cksum pyproject.toml scripts/setup.sh | tr '\n' ' ')"
extras=" "
if [ -f "$state" ] && [ ! -e "$busy" ]; then
    extras=" $(sed -n 2p "$state") "
    if [ "$(sed -n 1p "$state")" = "$made_for" ] && is_new_enough "$py"; then
        complete=yes
        for extra in "$@"; do
            [[ $extras == *" $extra "* ]] || complete=no
        done
        [ $complete = no ] || exit 0
    fi
fi

# --- No: make it so. -------------------------------------------------------------------------

if [ -e "$venv" ]; then
    if [ -e "$busy" ] || ! is_new_enough "$py" || ! "$py" -m pip --version >/dev/null 2>&1; then
        say "$venv is half made or broken: making it afresh"
        rm -rf "$venv"
        extras=" "
    fi
fi

python=$(find_python)
if [ -x "$py" ]; then
    python=$py
fi
packages=$(missing_packages "$python")
if [ -n "$packages" ]; then
    install_packages $packages
fi

if [ ! -x "$py" ]; then
    say "making $venv with $("$python" --version)"
    mkdir "$venv"
    touch "$busy"
    "$python" -m venv "$venv"
fi
touch "$busy"

for extra in "$@"; do
    [[ $extras == *" $extra "* ]] || extras+="$extra "
done
extras=$(echo $extras)
say "installing polyrelu[${extras// /,}] into $venv"
"$py" -m pip install --quiet --disable-pip-version-check --editable ".[${extras// /,}]" ||
    die "pip could not install polyrelu[${extras// /,}], see above."

printf '%s\n%s\n' "$made_for" "$extras" >"$state"
rm "$busy"
say "done"
