#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace shop {

class Backend {
public:
    virtual void flush() = 0;
    virtual ~Backend() = default;
};

class Cache {
public:
    explicit Cache(std::unique_ptr<Backend> backend) : backend_(std::move(backend)) {}

    ~Cache() {
        if (!backend_) throw std::logic_error("cache without backend");
    }

    void put(const std::string& key, int value) {
        std::lock_guard<std::mutex>{mutex_};
        items_[key] = value;
    }

    int get(const std::string& key) {
        std::lock_guard<std::mutex> lock(mutex_);
        auto it = items_.find(key);
        return it == items_.end() ? 0 : it->second;
    }

    void evictNegative() {
        for (auto it = items_.begin(); it != items_.end(); ++it) {
            if (it->second < 0) items_.erase(it);
        }
    }

    void evictZero() {
        for (auto it = items_.begin(); it != items_.end();) {
            it = it->second == 0 ? items_.erase(it) : std::next(it);
        }
    }

private:
    std::mutex mutex_;
    std::map<std::string, int> items_;
    std::unique_ptr<Backend> backend_;
};

const std::string& prefix(int shard) {
    std::string text = "shard-" + std::to_string(shard);
    return text;
}

std::string suffix(int shard) {
    std::string text = "-" + std::to_string(shard);
    return text;
}

void dropZeros(std::vector<int>& v) {
    std::remove(v.begin(), v.end(), 0);
}

void dropOnes(std::vector<int>& v) {
    v.erase(std::remove(v.begin(), v.end(), 1), v.end());
}

std::size_t moved(std::string key, std::vector<std::string>& out) {
    out.push_back(std::move(key));
    return key.size();
}

}  // namespace shop
