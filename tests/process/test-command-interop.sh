#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Programs that know nothing of Postern, as clients and as servers of it. Each is to send 300 KB (more than a
# socket holds), end its side, and get the same back, whole.
# shellcheck source=tests/process/command.sh
. "$(dirname "$0")/command.sh"

bytes=300000

# have PROGRAM NAME...: or the named results are skipped.
have()
{
	local program=$1 name
	shift
	command -v "$program" >/dev/null && return
	for name; do
		skip "$name" "$program is not installed"
	done
	return 1
}

# from_client NAME COMMAND...: it is a client of serve --echo, and gets back what it sends.
from_client()
{
	local name=$1
	shift
	run "$@" <"$dir/big"
	tap_is "$name: ends with 0" "$status" 0
	holds "$name: got all back" cmp "$dir/big" "$dir/out"
}

# to_server NAME SOCKET COMMAND...: it is a server that echoes one connection.
to_server()
{
	local name=$1 socket=$2
	shift 2
	background "$@"
	run "$postern" connect "$socket" --deadline 20s <"$dir/big"
	tap_is "$name: connect ends with 0" "$status $err" '0 '
	holds "$name: connect got all back" cmp "$dir/big" "$dir/out"
}

begin
head -c $bytes /dev/urandom >"$dir/big"
serve echo --echo
echo_socket=$POSTERN_DIR/echo/sock

if have socat 'socat is a client' 'socat is a server'; then
	from_client 'socat is a client' socat -t 20 - "UNIX-CONNECT:$echo_socket"
	to_server 'socat is a server' "$dir/socat" socat "UNIX-LISTEN:$dir/socat" EXEC:cat
fi

# As a server nc sends a file, since it runs no program; of its kinds only OpenBSD's knows local sockets.
if have nc 'nc is a client' 'nc is a server' && nc -h 2>&1 | grep -q 'OpenBSD'; then
	from_client 'nc is a client' nc -N -U "$echo_socket"
	# The shell gives what it starts in the background no stdin.
	# shellcheck disable=SC2016
	tap_start sh -c 'exec nc -N -l -U "$1/nc" <"$1/big" >"$1/nc.got" 2>/dev/null' - "$dir"
	listener=$tap_pid
	# As a server nc ends when its peer has, whatever it still had to send: so ours ends when it has all.
	until_all_came()
	{
		cat "$dir/big"
		for _ in $(seq 200); do
			[ "$(stat -c %s "$dir/out")" -lt "$(stat -c %s "$dir/big")" ] || break
			sleep 0.05
		done
	}
	run "$postern" connect "$dir/nc" --deadline 20s < <(until_all_came)
	wait "$listener"
	tap_is 'nc is a server: connect ends with 0' "$status $err" '0 '
	holds 'nc is a server: connect got all' cmp "$dir/big" "$dir/out"
	holds 'nc is a server: it got all' cmp "$dir/big" "$dir/nc.got"
fi

cat >"$dir/client.py" <<'END'
import asyncio, sys

async def main():
    reader, writer = await asyncio.open_unix_connection(sys.argv[1])

    async def send():
        writer.write(sys.stdin.buffer.read())
        await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send())
    sys.stdout.buffer.write(await reader.read())
    await sending
    writer.close()

asyncio.run(main())
END
cat >"$dir/server.py" <<'END'
import asyncio, sys

async def main():
    done = asyncio.Event()

    async def echo(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        done.set()

    await asyncio.start_unix_server(echo, sys.argv[1])
    await done.wait()

asyncio.run(main())
END
from_client 'Python asyncio is a client' "$python" "$dir/client.py" "$echo_socket"
to_server 'Python asyncio is a server' "$dir/asyncio" "$python" "$dir/server.py" "$dir/asyncio"

if have node 'Node is a client' 'Node is a server'; then
	from_client 'Node is a client' node -e '
		const s = require("net").connect(process.argv[1]);
		process.stdin.pipe(s).pipe(process.stdout);' "$echo_socket"
	to_server 'Node is a server' "$dir/node" node -e '
		const l = require("net").createServer({allowHalfOpen: true}, s => { s.pipe(s); l.close(); });
		l.listen(process.argv[1]);' "$dir/node"
fi

if have curl 'curl is a client'; then
	cat >"$dir/http.sh" <<'END'
#!/bin/sh
read -r method path version
while read -r line && [ "$line" != "$(printf '\r')" ]; do :; done
body="$method $path for uid $POSTERN_PEER_UID of $POSTERN_NAME"
printf 'HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' "${#body}" "$body"
END
	serve http --exec sh "$dir/http.sh"
	run curl --silent --show-error --max-time 20 --unix-socket "$POSTERN_DIR/http/sock" http://local/clock
	tap_is 'curl is a client of --exec' "$status $out $err" "0 GET /clock for uid $(id -u) of http "
fi

# The names of other programs' making: relative paths, long ones, abstract ones.
begin
echo hello >"$dir/big"
deep=$dir/$(printf 'd%.0s' {1..120})/$(printf 'e%.0s' {1..120})
mkdir -p "$deep"
serve "$deep/sock" --echo
from_client 'a path of 250 characters' "$postern" connect "$deep/sock"
if have socat 'socat reaches a relative path' 'socat reaches an abstract name'; then
	cd "$dir" || exit 1
	serve ./relative --echo
	from_client 'socat reaches a relative path' socat -t 20 - "UNIX-CONNECT:$dir/relative"
	serve "@postern-interop-$$" --echo
	from_client 'socat reaches an abstract name' socat -t 20 - "ABSTRACT-CONNECT:postern-interop-$$"
	cd / || exit 1
fi

finish
tap_done
