// The object that sends is deleted while its signal is being delivered.
#include <QLocalSocket>
#include <QTimer>

class Session : public QObject {
	Q_OBJECT
public:
	explicit Session(QLocalSocket *s) : m_s(s)
	{
		s->setParent(this);
		connect(s, &QLocalSocket::readyRead, this, &Session::onReadyRead);
		connect(s, &QLocalSocket::disconnected, this, &Session::onGone);
		connect(s, &QLocalSocket::errorOccurred, this, &Session::onError);
		connect(&m_other, &QTimer::timeout, this, &Session::onTimeout);
		connect(s, &QLocalSocket::bytesWritten, this, &Session::onLater, Qt::QueuedConnection);
	}
	void onReadyRead()
	{
		if (m_s->readAll() == "quit") {
			delete m_s; // L4
			m_s = nullptr;
		}
	}
	void onGone()
	{
		delete this; // L4
	}
	void onError()
	{
		m_s->deleteLater();
		m_s = nullptr;
	}
	void onTimeout()
	{
		delete m_s;
		m_s = nullptr;
	}
	void onLater()
	{
		delete m_s;
		m_s = nullptr;
	}

private:
	QLocalSocket *m_s;
	QTimer m_other;
};

void Once(QTimer *timer)
{
	QObject::connect(timer, &QTimer::timeout, timer, [timer] {
		delete timer; // L4
	});
}
