#include <QLocalSocket>
#include <iostream>
#include <string>
#include <sys/socket.h>
#include <vector>

void bad_string(int fd)
{
	char buf[64];
	if (::recv(fd, buf, sizeof(buf), 0) <= 0)
		return;
	std::string text(buf); // N4
	std::cout << text;
}

void bad_out(int fd)
{
	char buf[64];
	if (::recv(fd, buf, sizeof(buf), 0) <= 0)
		return;
	std::cout << buf << std::endl; // N4
}

void bad_qt(QLocalSocket *socket)
{
	char buf[64];
	if (socket->read(buf, sizeof(buf)) <= 0)
		return;
	const QString text = QString::fromUtf8(buf); // N4
	socket->setObjectName(text);
}

void good_string(int fd)
{
	char buf[64];
	const ssize_t n = ::recv(fd, buf, sizeof(buf), 0);
	if (n <= 0)
		return;
	std::string text(buf, static_cast<std::size_t>(n));
	std::cout << text << text.c_str();
}

void good_vector(int fd)
{
	std::vector<char> buf(64);
	const ssize_t n = ::recv(fd, buf.data(), buf.size(), 0);
	if (n <= 0)
		return;
	const std::string text(buf.begin(), buf.begin() + n);
	std::cout << text;
}

void good_qt(QLocalSocket *socket)
{
	const QByteArray bytes = socket->readAll();
	const QString text = QString::fromUtf8(bytes);
	socket->setObjectName(text);
}
