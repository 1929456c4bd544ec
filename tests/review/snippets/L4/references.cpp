// What a function gives a reference is another piece of memory than the one that was deleted.
#include <cstddef>
#include <sys/socket.h>

static int read_message(int s, unsigned char *&text, size_t n)
{
	text = new unsigned char[n];
	return recv(s, text, n, MSG_WAITALL) == (ssize_t)n ? 1 : 0;
}

static int look(unsigned char *&text)
{
	return text ? text[0] : 0;
}

int good(int s)
{
	unsigned char *text = nullptr;
	int sum = 0;

	if (read_message(s, text, 10) != 1) {
		delete[] text;
		return -1;
	}
	sum += text[0];
	delete[] text;
	if (read_message(s, text, 20) != 1)
		throw 1;
	sum += text[0];
	delete[] text;
	return sum;
}

int wrong(int s)
{
	unsigned char *text = nullptr;
	int sum = 0;

	if (read_message(s, text, 10) != 1) {
		delete[] text;
		return -1;
	}
	sum += text[0];
	delete[] text;
	sum += look(text);
	delete[] text; // L4
	return sum;
}
