# The official test cases of gRPC, for the scripts of peers that have a program for them.
# https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md

cases=(
    empty_unary large_unary client_streaming server_streaming ping_pong empty_stream
    status_code_and_message special_status_message custom_metadata
    unimplemented_method unimplemented_service
    cancel_after_begin cancel_after_first_response timeout_on_sleeping_server
    client_compressed_unary client_compressed_streaming
    server_compressed_unary server_compressed_streaming
)

# not_in HELP: the cases which the help of a program does not name.
not_in() {
    local case
    for case in "${cases[@]}"; do
        grep -qw "$case" <<<"$1" || printf '%s ' "$case"
    done
}

# install_grpc_go: grpc-go's own programs, $work/client and $work/server, and their $version; or says that they cannot be had.
install_grpc_go() {
    local packages="google.golang.org/grpc/interop/client@latest google.golang.org/grpc/interop/server@latest"
    if [ "${CI:-}" != true ]; then
        # What was downloaded before will do: the cache of modules is laid out as a proxy is.
        export GOPROXY=file://$(go env GOMODCACHE 2>/dev/null || true)/cache/download GOSUMDB=off
    fi
    if ! GOBIN=$work go install $packages >"$work/go.log" 2>&1; then
        echo "  grpc-go skipped: it cannot be had"
        printf '    (with Go: go install %s)\n' $packages
        return 1
    fi
    version=$(go version -m "$work/client" | awk '$1 == "mod" { print $3 }')
}

# run_cases PEER ABSENT PORT CLIENT...: each case but those that PEER has not got, against the server at PORT.
run_cases() {
    local peer=$1 absent=$2 port=$3 case passed=0 failed=0
    shift 3
    for case in "${cases[@]}"; do
        if [[ " $absent " == *" $case "* ]]; then
            echo "    $case: not in $peer"
        elif timeout 60 "$@" --server_host=127.0.0.1 --server_port="$port" --test_case="$case" >"$work/case.log" 2>&1; then
            passed=$((passed + 1))
        else
            echo "    $case: failed"
            failed=$((failed + 1))
            tail -n 20 "$work/case.log" >&2
        fi
    done
    echo "    $passed cases passed, $failed failed"
    [ "$failed" = 0 ]
}

# through_lens PEER ABSENT PORT CLIENT...: the same with the lens in between, which has to know every byte.
through_lens() {
    local peer=$1 absent=$2 server=$3 lens
    shift 3
    : >"$work/lens.out"
    target/debug/lens --listen 127.0.0.1:0 --to "127.0.0.1:$server" --bytes >>"$work/lens.out" 2>"$work/lens.err" &
    lens=$!
    until grep -q . "$work/lens.out"; do
        kill -0 "$lens" || { cat "$work/lens.err" >&2; return 1; }
        sleep 0.1
    done
    run_cases "$peer" "$absent" "$(sed -n '1s/.*://p' "$work/lens.out")" "$@"
    until [ "$(grep -c '^#.* connected: ' "$work/lens.out")" = "$(grep -c '^#.* closed.* named' "$work/lens.out")" ]; do
        sleep 0.1
    done
    kill -INT "$lens"
    wait "$lens"
    if grep -nE '✗|: opaque|not shown|to be shown|cannot inflate|(VARINT|LEN|I32|I64): unknown' "$work/lens.out" >&2; then
        return 1
    fi
    sed -nE 's/^#.* ([0-9]+) of ([0-9]+) bytes named$/\1 \2/p' "$work/lens.out" | awk '
        { named += $1; passed += $2; connections++ }
        END {
            print "    the lens named " named " of " passed " bytes on " connections " connections"
            exit !(passed > 0 && named == passed)
        }'
}

# serve SERVER...: starts it on a port on which nothing listens yet, which is then $port.
serve() {
    # Below those that a system gives out by itself.
    port=$((20000 + RANDOM % 10000))
    while listens "$port"; do port=$((port + 1)); done
    "$@" --port="$port" >"$work/server.log" 2>&1 &
    until listens "$port"; do
        kill -0 $! 2>/dev/null || { cat "$work/server.log" >&2; return 1; }
        sleep 0.1
    done
}

listens() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
