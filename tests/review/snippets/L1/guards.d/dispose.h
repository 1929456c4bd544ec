#pragma once
#include <functional>

template <class Value>
class Dispose
{
public:
	Dispose(Value value, std::function<void(Value)> end) : value_(value), end_(end) {}
	~Dispose() { end_(value_); }
	operator Value() const { return value_; }

private:
	Value value_;
	std::function<void(Value)> end_;
};

struct AutoFd : public Dispose<int> {
	AutoFd(int fd = -1);
};

typedef int number_t;
