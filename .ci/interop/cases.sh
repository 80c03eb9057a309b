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
