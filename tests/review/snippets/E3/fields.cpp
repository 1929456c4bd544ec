// QDataStream: what has come so far is not the message, unless somebody saw to it.
#include <QDataStream>
#include <QFile>
#include <QLocalSocket>
#include <QTcpSocket>
#include <QUdpSocket>

class Counter : public QObject {
    Q_OBJECT
public:
    explicit Counter(QLocalSocket *socket);
    void sell(const QString &what, int count);

private slots:
    void straight();
    void inOne();
    void throughVariable();
    void later();
    void inTransaction();
    void checked();
    void measured();
    void fromFile();
    void fromDatagram();
    void awaited();
    void take();
    void written();

private:
    QLocalSocket *m_socket;
    QTcpSocket m_other;
    QUdpSocket m_datagrams;
    QByteArray m_pending;
};

Counter::Counter(QLocalSocket *socket) : m_socket(socket)
{
    connect(m_socket, &QLocalSocket::readyRead, this, &Counter::straight);
    connect(&m_other, &QTcpSocket::readyRead, this, [this] {
        QDataStream in(&m_other);
        QString what;

        in >> what; // E3
        sell(what, 1);
    });
}

void Counter::straight()
{
    QDataStream in(m_socket);
    QString what;
    int count;

    in.setVersion(QDataStream::Qt_5_12);
    while (m_socket->bytesAvailable() > 0) {
        in >> what >> count; // E3
        sell(what, count);
    }
}

void Counter::inOne()
{
    QDataStream in(m_socket->readAll());
    QString what;

    in >> what; // E3
    sell(what, 1);
}

void Counter::throughVariable()
{
    QByteArray bytes = m_other.readAll();
    QDataStream in(&bytes, QIODevice::ReadOnly);
    QString what;

    in >> what; // E3
    sell(what, 1);
}

void Counter::later()
{
    QDataStream in;
    QString what;

    in.setDevice(m_socket);
    in >> what; // E3
    sell(what, 1);
}

void Counter::inTransaction()
{
    QDataStream in(m_socket);
    QString what;

    in.startTransaction();
    in >> what;
    if (!in.commitTransaction())
        return;
    sell(what, 1);
}

void Counter::checked()
{
    QDataStream in(m_socket->readAll());
    QString what;

    in >> what;
    if (in.status() == QDataStream::Ok)
        sell(what, 1);
}

void Counter::measured()
{
    QDataStream in(m_socket);
    quint32 count;

    if (m_socket->bytesAvailable() < int(sizeof(count)))
        return;
    in >> count;
    sell(QString(), int(count));
}

void Counter::fromFile()
{
    QFile file(QStringLiteral("stock"));
    QString what;

    if (!file.open(QIODevice::ReadOnly))
        return;
    QDataStream in(&file);
    in >> what;
    sell(what, 1);
}

void Counter::fromDatagram()
{
    QDataStream in(&m_datagrams);
    QString what;

    in >> what;
    sell(what, 1);
}

void Counter::awaited()
{
    while (m_socket->bytesAvailable() < 12)
        if (!m_socket->waitForReadyRead(500))
            return;
    take();
}

void Counter::take()
{
    QDataStream in(m_socket);
    QString what;

    in >> what;
    sell(what, 1);
}

void Counter::written()
{
    QByteArray bytes;
    QDataStream out(&bytes, QIODevice::WriteOnly);

    out << QString() << 3;
    m_pending = bytes;
}
