// Connections of which nobody would learn that they failed.
#include <QLocalSocket>
#include <QTcpSocket>
#include <QTimer>

class Tray : public QObject {
    Q_OBJECT
public:
    explicit Tray(QObject *parent);

private slots:
    void incoming();
    void gone();

private:
    QLocalSocket *m_socket;
    QTimer *m_timer;
};

Tray::Tray(QObject *parent) : QObject(parent), m_socket(new QLocalSocket(this)), m_timer(new QTimer(this))
{
    connect(m_timer, SIGNAL(timeout()), this, SLOT(incoming()));
    connect(m_socket, SIGNAL(readyRead()), this, SLOT(incoming()));
    connect(m_socket, &QLocalSocket::disconnected, this, &Tray::gone);
    QTimer::singleShot(0, this, SLOT(incoming()));
    m_socket->connectToServer("tray"); // E5
}

void Tray::incoming()
{
    m_timer->start(1000);
}

void Tray::gone()
{
    m_timer->stop();
}
