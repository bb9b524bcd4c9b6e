<?php

declare(strict_types=1);

namespace App;

use Psr\Log\LoggerInterface;

final class Security
{
    public function __construct(private LoggerInterface $log)
    {
    }

    public function hashPassword(string $password): string
    {
        return md5($password);
    }

    public function hashSecret(string $password): string
    {
        return password_hash($password, PASSWORD_DEFAULT);
    }

    public function cacheKey(string $url): string
    {
        return 'page:' . hash('sha256', $url);
    }

    public function resetToken(): string
    {
        return dechex(mt_rand()) . dechex(mt_rand());
    }

    public function apiKey(): string
    {
        return bin2hex(random_bytes(32));
    }

    public function remember(string $id): void
    {
        setcookie('sid', $id, ['expires' => 0, 'secure' => false, 'httponly' => false]);
    }

    public function rememberTheme(string $theme): void
    {
        setcookie('theme', $theme, ['secure' => true, 'httponly' => true, 'samesite' => 'Lax']);
    }

    public function partner(string $url): \CurlHandle
    {
        $ch = curl_init($url);
        curl_setopt($ch, CURLOPT_TIMEOUT, 10);
        curl_setopt($ch, CURLOPT_SSL_VERIFYPEER, false);
        return $ch;
    }

    public function bank(string $url): \CurlHandle
    {
        $ch = curl_init($url);
        curl_setopt_array($ch, [CURLOPT_TIMEOUT => 10, CURLOPT_SSL_VERIFYPEER => true, CURLOPT_SSL_VERIFYHOST => 2]);
        return $ch;
    }

    public function hasToken(string $header): bool
    {
        return strpos($header, 'Bearer') == false;
    }

    public function isBasic(string $header): bool
    {
        return strpos($header, 'Basic') === 0;
    }
}
