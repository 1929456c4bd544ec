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
	/* Bytes that do not fit into the peer's queue are not taken, and are offered again when there is room. */
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
