#include <QElapsedTimer>
#include <QLocalSocket>
#include <QThread>

void bad_state(QLocalSocket *socket)
{
	while (socket->state() != QLocalSocket::ConnectedState) { // W1
		socket->connectToServer("panel"); // E5
		QThread::msleep(100);
	}
}

void bad_wait(QLocalSocket *socket)
{
	forever { // W1
		socket->connectToServer("panel"); // E5
		if (socket->waitForConnected(500))
			break;
	}
}

bool good_timer(QLocalSocket *socket)
{
	QElapsedTimer timer;
	timer.start();
	while (socket->state() != QLocalSocket::ConnectedState) {
		if (timer.elapsed() > 3000)
			return false;
		socket->connectToServer("panel");
		socket->waitForConnected(100); // E5
	}
	return true;
}

bool good_counted(QLocalSocket *socket)
{
	for (int i = 0; i < 10; ++i) {
		socket->connectToServer("panel");
		if (socket->waitForConnected(300))
			return true;
		QThread::msleep(100);
	}
	return false;
}

bool good_interrupted(QLocalSocket *socket)
{
	while (socket->state() != QLocalSocket::ConnectedState) {
		if (QThread::currentThread()->isInterruptionRequested())
			return false;
		socket->connectToServer("panel");
		if (socket->waitForConnected(300))
			return true;
	}
	return true;
}

bool good_left(QLocalSocket *socket)
{
	int left = 5;
	while (left-- > 0) {
		socket->connectToServer("panel");
		if (socket->waitForConnected(300))
			return true;
	}
	return false;
}
