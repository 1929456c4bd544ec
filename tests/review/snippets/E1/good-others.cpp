// Functions of the same names that are not the system's.
#include <functional>
#include <QObject>
#include <QTimer>

class Radio {
public:
    void listen(int channel);
    void bind(int key, int action);
    void accept();
};

class Panel : public QObject {
public:
    Panel(QTimer *timer, Radio *radio);
    void tick();
    void accept();
};

Panel::Panel(QTimer *timer, Radio *radio)
{
    connect(timer, &QTimer::timeout, this, &Panel::tick);
    connect(timer, SIGNAL(timeout()), this, SLOT(tick()));
    radio->listen(4);
    radio->bind(1, 2);
    accept();
}

void Panel::tick()
{
    auto later = std::bind(&Panel::accept, this);

    later();
}
