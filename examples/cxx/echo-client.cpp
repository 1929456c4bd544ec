/* SPDX-License-Identifier: Apache-2.0 */
/* echo-client NAME TEXT: sends TEXT and prints the echo; status 0 if the server ended the connection properly */
#include <iostream>
#include <postern.hpp>

int main(int argc, char **argv)
{
	int status = 1;

	if (argc != 3)
		return 64;
	/* This program uses errors as values, and echo-server.cpp exceptions. */
	postern::result<postern::loop> loop = postern::loop::make();
	if (!loop)
		return 1;
	postern::conn_events on;
	on.received = [](postern::conn_ref, std::string_view bytes) { return std::cout << bytes, bytes.size(); };
	on.closed = [&](postern::conn_ref, const postern::cause &why) {
		status = why.reason != postern::reason::ended;
		if (status != 0)
			std::cerr << "echo-client: " << why.text << '\n';
		loop->stop();
	};
	postern::result<postern::conn> c = postern::conn::connect(*loop, argv[1], std::move(on));
	if (!c) {
		std::cerr << "echo-client: " << c.error().what() << '\n';
		return 1;
	}
	/* Both take effect once it is connected. */
	if (c->write(argv[2]) < 0 || c->shutdown() < 0)
		return 1;
	return loop->run() < 0 ? 1 : status;
}
