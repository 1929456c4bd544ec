// SPDX-License-Identifier: Apache-2.0
// defects:
// W1 the connection is tried again for ever
// L1 each failed try leaves its socket open
// E1 setsockopt() may fail, and then nothing bounds the reads
// N4 the reply is printed as a C string, with no terminator behind it
// L7 the list of getaddrinfo() is freed on the way to the end only
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace ctl {

class Client {
public:
	Client() = default;
	~Client() { disconnect(); }
	Client(const Client &) = delete;
	Client &operator=(const Client &) = delete;

	bool connectLocal(const std::string &path);
	bool connectRemote(const std::string &host, const std::string &port);
	bool request(const std::string &text);
	void disconnect();

private:
	bool sendAll(const char *data, size_t size);

	int sock_ = -1;
};

bool Client::connectLocal(const std::string &path)
{
	struct sockaddr_un addr {};
	addr.sun_family = AF_UNIX;
	if (path.length() >= sizeof(addr.sun_path))
		return false;
	path.copy(addr.sun_path, sizeof(addr.sun_path) - 1);

	for (;;) { // @W1
		int s = socket(AF_UNIX, SOCK_STREAM, 0); // @L1
		if (s < 0) {
			perror("socket");
			return false;
		}
		if (connect(s, (struct sockaddr *)&addr, sizeof(addr)) == 0) { // @W4?
			sock_ = s;
			break;
		}
		fprintf(stderr, "waiting for %s\n", path.c_str());
		std::this_thread::sleep_for(std::chrono::seconds(1));
	}

	struct timeval tv = {5, 0};
	setsockopt(sock_, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)); // @E1
	return true;
}

bool Client::connectRemote(const std::string &host, const std::string &port)
{
	struct addrinfo hints {}, *res = nullptr;
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	int rc = getaddrinfo(host.c_str(), port.c_str(), &hints, &res); // @L7?
	if (rc != 0) {
		fprintf(stderr, "%s: %s\n", host.c_str(), gai_strerror(rc));
		return false;
	}

	for (struct addrinfo *p = res; p; p = p->ai_next) {
		int s = socket(p->ai_family, p->ai_socktype, p->ai_protocol);
		if (s < 0)
			continue;
		struct timeval tv = {5, 0};
		if (setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0
		    || setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0
		    || connect(s, p->ai_addr, p->ai_addrlen) < 0) {
			perror(host.c_str());
			close(s);
			continue;
		}
		sock_ = s;
		return true; // @L7
	}
	freeaddrinfo(res);
	return false;
}

bool Client::sendAll(const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(sock_, data, size, MSG_NOSIGNAL); // @W4?
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			perror("send");
			return false;
		}
		data += n;
		size -= (size_t)n;
	}
	return true;
}

bool Client::request(const std::string &text)
{
	std::string line = text + "\n";
	if (!sendAll(line.data(), line.size()))
		return false;
	if (shutdown(sock_, SHUT_WR) < 0)
		perror("shutdown");

	char reply[512];
	for (;;) {
		ssize_t n = recv(sock_, reply, sizeof(reply), 0); // @W4?
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			perror("recv");
			return false;
		}
		if (n == 0)
			return true;
		printf("%s", reply); // @N4
	}
}

void Client::disconnect()
{
	if (sock_ >= 0)
		close(sock_);
	sock_ = -1;
}

} // namespace ctl

int main(int argc, char **argv)
{
	std::vector<std::string> args(argv + 1, argv + argc);
	std::string host, port = "7707", path = "/run/ctld.sock", command;

	for (size_t i = 0; i < args.size(); i++) {
		if (args[i] == "-h" && i + 1 < args.size())
			host = args[++i];
		else if (args[i] == "-p" && i + 1 < args.size())
			port = args[++i];
		else if (args[i] == "-s" && i + 1 < args.size())
			path = args[++i];
		else
			command += (command.empty() ? "" : " ") + args[i];
	}
	if (command.empty()) {
		fprintf(stderr, "usage: ctl [-h HOST [-p PORT] | -s PATH] COMMAND...\n");
		return 64;
	}

	ctl::Client client;
	bool ok = host.empty() ? client.connectLocal(path) : client.connectRemote(host, port);
	if (!ok)
		return 1;
	return client.request(command) ? 0 : 1;
}
