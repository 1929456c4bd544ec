// A QIODevice that is waited for is a connection; one that is only read may be a file.
#include <QIODevice>

class Frames {
public:
    explicit Frames(QIODevice *line) : m_line(line) {}
    qint64 next()
    {
        qint64 length = -1;

        if (!m_line->waitForReadyRead(1000))
            return -1;
        m_line->read(reinterpret_cast<char *>(&length), sizeof(length)); // E3
        return length;
    }

private:
    QIODevice *m_line;
};

class Signalled : public QObject {
    Q_OBJECT
public:
    explicit Signalled(QIODevice *port) : m_port(port)
    {
        connect(m_port, &QIODevice::readyRead, this, &Signalled::hear);
    }
    void heard(quint32 what);
private slots:
    void hear()
    {
        quint32 what = 0;

        m_port->read(reinterpret_cast<char *>(&what), sizeof(what)); // E3
        heard(what);
    }

private:
    QIODevice *m_port;
};

class Checked {
public:
    explicit Checked(QIODevice *line) : m_line(line) {}
    qint64 next()
    {
        qint64 length = -1;

        if (!m_line->waitForReadyRead(1000))
            return -1;
        if (m_line->read(reinterpret_cast<char *>(&length), sizeof(length)) != qint64(sizeof(length)))
            return -1;
        return length;
    }

private:
    QIODevice *m_line;
};

class Image {
public:
    explicit Image(QIODevice *source) : m_source(source) {}
    quint32 magic()
    {
        quint32 word = 0;

        m_source->read(reinterpret_cast<char *>(&word), sizeof(word));
        return word;
    }

private:
    QIODevice *m_source;
};
