#include <QJsonDocument>
#include <QLocalSocket>

class Peer : public QObject {
public:
    explicit Peer(QLocalSocket *socket);
    void handle(const QJsonDocument &document);
    void lines();
    void gather();
    void sized();
    void atTheEnd();

private:
    QLocalSocket *m_socket;
    QByteArray m_buffer;
};

Peer::Peer(QLocalSocket *socket) : m_socket(socket)
{
    connect(m_socket, &QLocalSocket::readyRead, this, &Peer::gather);
    connect(m_socket, &QLocalSocket::disconnected, this, &Peer::atTheEnd);
}

void Peer::lines()
{
    while (m_socket->canReadLine())
        handle(QJsonDocument::fromJson(m_socket->readLine(65536)));
}

void Peer::gather()
{
    int end;

    m_buffer += m_socket->readAll();
    while ((end = m_buffer.indexOf('\n')) >= 0) {
        handle(QJsonDocument::fromJson(m_buffer.left(end)));
        m_buffer.remove(0, end + 1);
    }
}

void Peer::sized()
{
    quint32 kind = 0;

    if (m_socket->bytesAvailable() < 4)
        return;
    m_socket->read(reinterpret_cast<char *>(&kind), 4);
    m_buffer.clear();
}

void Peer::atTheEnd()
{
    handle(QJsonDocument::fromJson(m_socket->readAll()));
}
