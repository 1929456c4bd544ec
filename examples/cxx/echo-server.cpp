/* SPDX-License-Identifier: Apache-2.0 */
/* echo-server NAME: sends back what each connection sends, until SIGINT or SIGTERM */
#include <csignal>
#include <iostream>
#include <postern.hpp>

int main(int argc, char **argv)
try {
	if (argc != 2)
		return 64;
	postern::loop loop;
	postern::server_events echo;
	/* What the peer's queue has no room for is not taken, and is offered again when it has. */
	echo.conn.received = [](postern::conn_ref c, std::string_view bytes) {
		return size_t(std::max<ssize_t>(0, c.write(bytes)));
	};
	postern::server server(loop, argv[1], std::move(echo));
	postern::signal interrupt(loop, SIGINT, [&](int) { loop.stop(); });
	postern::signal terminate(loop, SIGTERM, [&](int) { loop.stop(); });
	return loop.run() < 0;
} catch (const std::exception &e) {
	std::cerr << "echo-server: " << e.what() << '\n';
	return 1;
}
