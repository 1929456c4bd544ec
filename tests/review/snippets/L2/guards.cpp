#include <QLocalSocket>

class Keeper {
public:
	explicit Keeper(QLocalSocket *s) : m_s(s) {}
	~Keeper() { delete m_s; }
	QLocalSocket *operator->() const { return m_s; }

private:
	QLocalSocket *m_s;
};

struct Mark {
	explicit Mark(QLocalSocket *s) : at(s) {}
	QLocalSocket *operator->() const { return at; }
	QLocalSocket *at;
};

class Good : public QObject {
	Q_OBJECT
public:
	Good() : m_line(new QLocalSocket) { m_line->setServerName("a"); }

private:
	Keeper m_line;
};

class BadMark : public QObject {
	Q_OBJECT
public:
	BadMark() : m_line(new QLocalSocket) { m_line->setServerName("b"); } // L2

private:
	Mark m_line;
};

class BadPointer : public QObject {
	Q_OBJECT
public:
	BadPointer() : m_line(new QLocalSocket) { m_line->setServerName("c"); } // L2

private:
	QLocalSocket *m_line;
};
