// No QObject: the socket cannot be given a parent here.
#include <QLocalSocket>

class Plain {
public:
	Plain() { m_line = new QLocalSocket; } // L2
	bool open() { m_line->connectToServer("a"); return m_line->waitForConnected(100); }

private:
	QLocalSocket *m_line;
};

class Ends {
public:
	Ends() { m_line = new QLocalSocket; }
	~Ends() { delete m_line; }
	bool open() { m_line->connectToServer("a"); return m_line->waitForConnected(100); }

private:
	QLocalSocket *m_line;
};
