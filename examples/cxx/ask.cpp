/* SPDX-License-Identifier: Apache-2.0 */
/* ask NAME LINE: sends LINE and prints the answer, or says within a deadline why there is none */
#include <iostream>
#include <postern.hpp>

using namespace std::chrono_literals;

int main(int argc, char **argv)
try {
	if (argc != 3)
		return 64;
	postern::connect_options patience;
	patience.deadline_ns = POSTERN_SECONDS(2);
	postern::client c(argv[1], &patience);
	postern::check(c.write_frame(POSTERN_FRAMING_LINES, argv[2], 200ms), "cannot send");
	std::cout << c.read_line(500ms).value() << '\n';
	return 0;
} catch (const postern::error &e) {
	std::cerr << "ask: " << e.what() << '\n';
	return 75;
}
