# How programs that other people wrote are had, and started. On a CI machine what is missing is installed, into $work where
# that can be; elsewhere what was downloaded before will do.

may_install() { [ "${CI:-}" = true ]; }
have() { command -v "$1" >/dev/null; }

# install PROGRAM PACKAGE: by Debian's packages, unless it is there.
install() {
    have "$1" && return
    may_install && have apt-get && [ "$(id -u)" = 0 ] || return 1
    { apt-get install -y "$2" || { apt-get update && apt-get install -y "$2"; }; } >"$work/apt.log" 2>&1 || return 1
    have "$1"
}

# install_grpc_go: grpc-go's own programs for the official test cases, $work/client and $work/server, and their $version; or
# says that they cannot be had.
install_grpc_go() {
    local packages="google.golang.org/grpc/interop/client@latest google.golang.org/grpc/interop/server@latest"
    if ! may_install; then
        # The cache of modules is laid out as a proxy is.
        export GOPROXY=file://$(go env GOMODCACHE 2>/dev/null || true)/cache/download GOSUMDB=off
    fi
    if ! GOBIN=$work go install $packages >"$work/go.log" 2>&1; then
        echo "  grpc-go skipped: it cannot be had"
        printf '    (with Go: go install %s)\n' $packages
        return 1
    fi
    version=$(go version -m "$work/client" | awk '$1 == "mod" { print $3 }')
}

# install_python MODULES PACKAGES: a $python that has the modules, which are in the packages; or says that there is none.
install_python() {
    python=python3
    if python3 -c "import $1" 2>/dev/null; then return; fi
    python=$work/python/bin/python
    if may_install && { python3 -m venv "$work/python" && "$python" -m pip install $2; } >"$work/python.log" 2>&1; then
        return
    fi
    python=
    echo "  ${2%% *} skipped: it cannot be had (pip install $2)"
    return 1
}

# started NAME COMMAND...: runs it until it prints a line, which is then in $work/NAME.out.
started() {
    local name=$1
    shift
    : >"$work/$name.out"
    "$@" >>"$work/$name.out" 2>"$work/$name.err" &
    until grep -q . "$work/$name.out"; do
        kill -0 $! 2>/dev/null || { cat "$work/$name.err" >&2; return 1; }
        sleep 0.1
    done
}

# serve SERVER...: starts it on a port on which nothing listens yet, which is then $port.
serve() {
    free_port
    "$@" --port="$port" >"$work/server.log" 2>&1 &
    until_listens $! "$work/server.log"
}

# free_port: $port is one on which nothing listens.
free_port() {
    # Below those that a system gives out by itself.
    port=$((20000 + RANDOM % 10000))
    while listens "$port"; do port=$((port + 1)); done
}

# until_listens PID LOG: until something listens on $port; or shows LOG, if the process is gone.
until_listens() {
    until listens "$port"; do
        kill -0 "$1" 2>/dev/null || { cat "$2" >&2; return 1; }
        sleep 0.1
    done
}

listens() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
