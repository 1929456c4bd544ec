// error() of R does not come back.
#include <R.h>
#include <Rinternals.h>
#include <stdlib.h>
#include <string.h>

int deliver(const char *text, size_t n);

void send_request(const char *text, size_t most)
{
	char *request = strdup(text);

	if (!request)
		error("no memory");
	if (strlen(request) > most) {
		free(request);
		error("the request has more than %d bytes", (int)most);
	}
	deliver(request, strlen(request));
	free(request);
}

void send_twice(const char *text, size_t most)
{
	char *request = strdup(text);

	if (!request)
		error("no memory");
	if (strlen(request) > most) {
		free(request);
		warning("the request has more than %d bytes", (int)most);
	}
	free(request); // L4
}
