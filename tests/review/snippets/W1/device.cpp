// Loops that fill a container from a connection of Qt, and what they do when its peer has hung up.
#include <QIODevice>
#include <QLocalSocket>
#include <QTcpSocket>
#include <QElapsedTimer>

class Frames {
public:
    explicit Frames(QIODevice *line) : m_line(line) {}
    QByteArray bad_dropped(int length)
    {
        QByteArray all;

        if (!m_line->waitForReadyRead(1000))
            return all;
        while (all.length() < length) { // W1
            if (!m_line->bytesAvailable())
                m_line->waitForReadyRead(1000);
            all.append(m_line->read(length - all.length()));
        }
        return all;
    }
    QByteArray good_left(int length)
    {
        QByteArray all;

        while (all.length() < length) {
            if (!m_line->bytesAvailable() && !m_line->waitForReadyRead(1000))
                return QByteArray();
            all.append(m_line->read(length - all.length()));
        }
        return all;
    }

private:
    QIODevice *m_line;
};

QByteArray bad_adds(QLocalSocket *socket, int length)
{
    QByteArray all;

    while (all.size() < length) { // W1
        socket->waitForReadyRead(500);
        all += socket->readAll();
    }
    return all;
}

QByteArray bad_first(QTcpSocket *socket)
{
    QByteArray all;

    while (all.isEmpty()) { // W1
        socket->waitForReadyRead(500);
        all += socket->readAll();
    }
    return all;
}

QByteArray bad_goes_on(QLocalSocket *socket, int length)
{
    QByteArray all;

    while (all.size() < length) { // W1
        if (!socket->waitForReadyRead(500))
            continue;
        all.append(socket->readAll());
    }
    return all;
}

QByteArray bad_says(QLocalSocket *socket, int length)
{
    QByteArray all;

    do { // W1
        if (!socket->waitForReadyRead(500))
            qWarning("still waiting");
        all.append(socket->readAll());
    } while (all.size() < length);
    return all;
}

class Client {
public:
    QByteArray bad_member(int length)
    {
        QByteArray all;

        while (all.count() < length) { // W1
            m_socket.waitForReadyRead(500);
            all += m_socket.read(length - all.count());
        }
        return all;
    }
    QByteArray good_state(int length)
    {
        QByteArray all;

        while (all.count() < length && m_socket.state() == QLocalSocket::ConnectedState) {
            m_socket.waitForReadyRead(500); // E5
            all += m_socket.read(length - all.count());
        }
        return all;
    }
    QByteArray good_connects_again(int length)
    {
        QByteArray all;

        while (all.count() < length) {
            if (!m_socket.waitForReadyRead(500))
                again();
            all += m_socket.readAll();
        }
        return all;
    }
    void again();

private:
    QLocalSocket m_socket;
};

QByteArray good_empty(QLocalSocket *socket, int length)
{
    QByteArray all;

    while (all.size() < length) {
        socket->waitForReadyRead(500); // E5
        const QByteArray part = socket->readAll();
        if (part.isEmpty())
            break;
        all += part;
    }
    return all;
}

QByteArray good_breaks(QLocalSocket *socket, int length)
{
    QByteArray all;

    while (all.size() < length) {
        if (!socket->waitForReadyRead(500))
            break;
        all += socket->readAll();
    }
    return all;
}

QByteArray good_clock(QLocalSocket *socket, int length)
{
    QByteArray all;
    QElapsedTimer clock;

    clock.start();
    while (all.size() < length && clock.elapsed() < 5000) {
        socket->waitForReadyRead(500); // E5
        all += socket->readAll();
    }
    return all;
}

QByteArray good_count(QLocalSocket *socket, int length)
{
    QByteArray all;

    for (int turn = 0; turn < 10 && all.size() < length; turn++) {
        socket->waitForReadyRead(500); // E5
        all += socket->readAll();
    }
    return all;
}

QByteArray good_pads(QLocalSocket *socket, int length)
{
    QByteArray all;

    while (all.size() < length) {
        if (!socket->waitForReadyRead(500))
            all += '\0';
        all += socket->readAll();
    }
    return all;
}

int good_used_up(QLocalSocket *socket)
{
    QByteArray all(4, ' ');
    int n = 0;

    while (all.size() > 0) {
        socket->waitForReadyRead(500); // E5
        n += all.size();
        all.chop(1);
        all += socket->readAll();
    }
    return n;
}

QByteArray good_throws(QLocalSocket *socket, int length)
{
    QByteArray all;

    while (all.size() < length) {
        if (!socket->waitForReadyRead(500))
            throw 1;
        all += socket->readAll();
    }
    return all;
}
