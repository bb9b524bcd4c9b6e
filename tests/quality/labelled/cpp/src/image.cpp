#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

struct Pixel {
    std::uint8_t r, g, b;
};

class Image {
public:
    explicit Image(std::size_t size) : size_(size), data_(new Pixel[size]) {}
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;

    ~Image() {
        delete data_;
    }

    void title(const char* text) {
        std::strcpy(title_, text);
    }

    void shortTitle(const std::string& text) {
        std::snprintf(title_, sizeof title_, "%s", text.c_str());
    }

    void mirror() {
        for (std::size_t i = size_ - 1; i >= 0; --i) {
            data_[i].r = data_[size_ - 1 - i].b;
        }
    }

    void darken() {
        for (std::size_t i = size_; i-- > 0;) {
            data_[i].r /= 2;
        }
    }

private:
    std::size_t size_;
    Pixel* data_;
    char title_[32] = {};
};

std::array<std::uint8_t, 4> magic() {
    std::array<std::uint8_t, 4> out{};
    std::memcpy(out.data(), "\x89PNG", out.size());
    return out;
}

Pixel* row(std::size_t width) {
    return std::vector<Pixel>(width).data();
}

bool writable(const std::filesystem::path& path) {
    namespace fs = std::filesystem;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    return fs::exists(path);
}
