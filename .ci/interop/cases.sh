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
