// read(n) of a connection of Qt makes room for n bytes before any of them has come.
#include <QLocalSocket>
#include <QDataStream>
#include <QFile>
#include <QtEndian>

QByteArray bad_length(QLocalSocket *socket)
{
    quint32 length = 0;

    if (socket->read(reinterpret_cast<char *>(&length), sizeof(length)) != qint64(sizeof(length)))
        return QByteArray();
    return socket->read(length); // N5
}

class Frames {
public:
    explicit Frames(QIODevice *line) : m_line(line) {}
    QByteArray bad_rest()
    {
        qint64 length = -1;
        QByteArray all;

        if (!m_line->waitForReadyRead(1000))
            return all;
        if (m_line->read(reinterpret_cast<char *>(&length), sizeof(length)) != qint64(sizeof(length)))
            return all;
        while (all.length() < length) {
            if (!m_line->bytesAvailable() && !m_line->waitForReadyRead(1000))
                return QByteArray();
            all.append(m_line->read(length - all.length())); // N5
        }
        return all;
    }

private:
    QIODevice *m_line;
};

QByteArray bad_header(QLocalSocket *socket)
{
    const QByteArray header = socket->read(4);
    const quint32 length = qFromBigEndian<quint32>(header.constData());

    return socket->read(length); // N5
}

QByteArray good_bounded(QLocalSocket *socket)
{
    quint32 length = 0;

    if (socket->read(reinterpret_cast<char *>(&length), sizeof(length)) != qint64(sizeof(length)))
        return QByteArray();
    if (length > 65536)
        return QByteArray();
    return socket->read(length);
}

QByteArray good_there(QLocalSocket *socket)
{
    quint32 length = 0;

    if (socket->read(reinterpret_cast<char *>(&length), sizeof(length)) != qint64(sizeof(length)))
        return QByteArray();
    if (socket->bytesAvailable() < length)
        return QByteArray();
    return socket->read(length);
}

QByteArray good_short(QLocalSocket *socket)
{
    quint16 length = 0;

    if (socket->read(reinterpret_cast<char *>(&length), sizeof(length)) != qint64(sizeof(length)))
        return QByteArray();
    return socket->read(length);
}

QByteArray good_minimum(QLocalSocket *socket)
{
    quint32 length = 0;

    if (socket->read(reinterpret_cast<char *>(&length), sizeof(length)) != qint64(sizeof(length)))
        return QByteArray();
    return socket->read(qMin<quint32>(length, 4096));
}

QByteArray good_file(QFile *file)
{
    quint32 length = 0;

    if (file->read(reinterpret_cast<char *>(&length), sizeof(length)) != qint64(sizeof(length)))
        return QByteArray();
    return file->read(length);
}
