// An attempt that is made again as soon as it has failed.
#include <QLocalSocket>
#include <QTcpSocket>
#include <QThread>
#include <sys/socket.h>
#include <unistd.h>

bool wrong_on_the_stack(const QString &at)
{
	QLocalSocket line;

	while (line.state() != QLocalSocket::ConnectedState) { // W1
		line.connectToServer(at); // E5
	}
	return line.write("hello") == 5;
}

bool wrong_unconnected(const QString &at)
{
	QLocalSocket line;

	while (line.state() == QLocalSocket::UnconnectedState) { // W1
		line.abort();
		line.connectToServer(at); // E5
		line.waitForConnected(100); // E5
	}
	return line.write("hello") == 5;
}

bool wrong_waited(const QString &at)
{
	QLocalSocket line;

	do { // W1
		line.connectToServer(at); // E5
	} while (!line.waitForConnected(1000));
	return line.write("hello") == 5;
}

void wrong_plain(int s, const struct sockaddr *at, socklen_t n)
{
	while (connect(s, at, n) < 0) // W1 E5
		;
}

static bool reach(int s, const struct sockaddr *at, socklen_t n)
{
	return connect(s, at, n) == 0;
}

void wrong_helper(int s, const struct sockaddr *at, socklen_t n)
{
	while (!reach(s, at, n)) // W1 E5
		;
}

// With a pause it is endless, and no more.
void right_pause(int s, const struct sockaddr *at, socklen_t n)
{
	while (connect(s, at, n) < 0) // W1
		sleep(1);
}

bool right_pause_on_the_stack(const QString &at)
{
	QLocalSocket line;

	do { // W1
		line.connectToServer(at);
		if (line.waitForConnected(1000))
			break;
		QThread::msleep(200);
	} while (true);
	return line.write("hello") == 5;
}

static void rest()
{
	usleep(100000);
}

void right_helper(int s, const struct sockaddr *at, socklen_t n)
{
	while (!reach(s, at, n)) // W1
		rest();
}

bool right_counted(const QString &at)
{
	QLocalSocket line;

	for (int i = 0; i < 5; i++) {
		line.connectToServer(at);
		if (line.waitForConnected(1000))
			return line.write("hello") == 5;
	}
	return false;
}

// Nobody knows what it does between the attempts.
void right_unknown(int s, const struct sockaddr *at, socklen_t n)
{
	extern void settle();

	while (connect(s, at, n) < 0) // W1
		settle();
}
