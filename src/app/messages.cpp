#include "messages.h"

#include <array>
#include <cstdlib>

namespace madang::app {

namespace {

struct Texts {
  std::string_view english, korean;
};

/// In the order of Message.
constexpr std::array<Texts, 21> kTexts{{
    {"Opening {}", "{} 폴더를 엽니다"},
    {"Reading back", "되살리는 중"},
    {"Madang {} is ready at {}", "마당 {} 준비되었습니다: {}"},
    {"Data is kept in {}", "자료는 {} 에 보관합니다"},
    {"Open in a browser: {}", "브라우저에서 여세요: {}"},
    {"Or try these three lines in another terminal:", "또는 다른 터미널에서 이 세 줄을 해 보세요:"},
    {"create an entity", "개체 만들기"},
    {"retrieve it", "다시 가져오기"},
    {"ask for all of its type", "같은 유형 모두 물어보기"},
    {"This server wants a token: put yours into TOKEN first (export TOKEN=...)",
     "이 서버는 토큰이 필요합니다: 먼저 TOKEN 에 넣으세요 (export TOKEN=...)"},
    {"Ctrl-C stops it.", "Ctrl-C 로 멈춥니다."},
    {"Stopping: finishing what is under way", "멈추는 중: 진행 중인 요청을 마칩니다"},
    {"Stopped. Everything acknowledged is on disk.", "멈췄습니다. 확인해 준 것은 모두 디스크에 있습니다."},
    {"A made-up district, Baetgol, lives on the map as a sample. --no-sample starts without it.",
     "지어낸 동네 '뱃골'이 보기로 지도에서 살아 움직입니다. --no-sample 을 주면 없이 시작합니다."},
    {"The disk failed. Starting again from it in {} s.",
     "디스크에 문제가 생겼습니다. {}초 뒤 디스크에서 다시 시작합니다."},
    {"A first declaration, from {} ({} records looked at). Read it, mend it, then try it with --declaration:",
     "{} 에서 만든 첫 선언입니다 (레코드 {}개를 보았습니다). 읽고 고친 뒤 --declaration 으로 시험하세요:"},
    {"{} records make {} entities with {} values; {} were passed over, {} refused.",
     "레코드 {}개에서 개체 {}개, 값 {}개가 나옵니다. {}개는 건너뛰고 {}개는 거절했습니다."},
    {"first in record {}", "처음은 {}번째 레코드"},
    {"no value", "값 없음"},
    {"The made-up district is in {}: files of the usual kinds, and feeds/ with their declarations.",
     "지어낸 동네를 {} 에 만들었습니다: 흔히 쓰는 형식의 파일들과 feeds/ 의 선언입니다."},
    {"It lives at {} now. Ctrl-C ends that.", "이제 {} 에서 살아 움직입니다. Ctrl-C 로 끝냅니다."},
}};

bool detect_korean() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return std::string_view(value).starts_with("ko");
  }
  return false;
}

}  // namespace

bool speaks_korean() {
  static const bool korean = detect_korean();
  return korean;
}

std::string say(Message message, std::initializer_list<std::string_view> arguments) {
  const Texts& texts = kTexts.at(static_cast<std::size_t>(message));
  std::string out(speaks_korean() ? texts.korean : texts.english);
  std::size_t from = 0;
  for (const std::string_view argument : arguments) {
    const auto at = out.find("{}", from);
    if (at == std::string::npos) break;
    out.replace(at, 2, argument);
    from = at + argument.size();
  }
  return out;
}

}  // namespace madang::app
