#include <QElapsedTimer>
#include <QLocalSocket>

bool good_state(QLocalSocket *line, const QString &name, int limit)
{
	QElapsedTimer t;
	t.start();
	do {
		line->connectToServer(name);
		line->waitForConnected(100);
		if (line->state() == QLocalSocket::ConnectedState)
			return true;
	} while (t.elapsed() < limit);
	return false;
}

class Asks {
	QLocalSocket m_line;

public:
	explicit Asks(const QString &name)
	{
		m_line.connectToServer(name);
		m_line.waitForConnected(500);
	}
	bool isUp() const { return m_line.state() == QLocalSocket::ConnectedState; }
};

class Deaf {
	QLocalSocket m_line;

public:
	explicit Deaf(const QString &name)
	{
		m_line.connectToServer(name);
		m_line.waitForConnected(500); // E5
	}
	void hello() { m_line.write("hello\n"); }
};
