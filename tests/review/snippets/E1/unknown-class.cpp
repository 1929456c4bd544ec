#include <sys/socket.h>
#include <unistd.h>

// The class is declared in a header that is not here.
bool Node::serve(const struct sockaddr *at, socklen_t size)
{
	listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener_ < 0)
		return false;
	if (bind(listener_, at, size) < 0)
		return false;
	listen(listener_, 5); // E1
	return true;
}

void Node::again()
{
	listen(listen_fd_, 5); // E1
}

// May be a method of a base.
void Node::other()
{
	listen(address_, port_);
	connect(peer_, handler_);
}
