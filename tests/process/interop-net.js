// SPDX-License-Identifier: Apache-2.0
// A peer that is not Postern: Node's net.
//
//   interop-net.js client PATH   copies standard input to the server, and what it answers to standard output
//   interop-net.js server PATH   sends one client back what it sends
'use strict';
const net = require('net');

const [mode, path] = process.argv.slice(2);

if (mode === 'client') {
	const socket = net.connect({ path, allowHalfOpen: true });

	process.stdin.pipe(socket);
	socket.pipe(process.stdout);
} else {
	const server = net.createServer({ allowHalfOpen: true }, (socket) => {
		server.close();
		socket.pipe(socket);
	});

	server.listen(path);
}
