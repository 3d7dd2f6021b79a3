"""The demo site's list of questions, with which the bot answers visitors, and its "contact us" sign."""

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.conversations import actions as conversations
from server.conversations import models
from server.conversations.actions import NewContactPoint, QuestionInput
from server.kernel.work import Work

EN, JA, ZH = Language.EN, Language.JA, Language.ZH

QUESTIONS: list[tuple[dict[Language, list[str]], dict[Language, str]]] = [
    (
        {
            EN: [
                "How do I get on the Wi-Fi?",
                "What is the Wi-Fi password?",
                "Is there internet for guests?",
                "How can I connect to the wireless network?",
            ],
            JA: [
                "Wi-Fiは使えますか",
                "Wi-Fiのパスワードを教えてください",
                "インターネットに接続したい",
                "無線LANはありますか",
                "ワイファイのつなぎ方",
            ],
            ZH: ["怎么连接Wi-Fi？", "Wi-Fi密码是多少", "有无线网络吗", "可以上网吗", "网络怎么用"],
        },
        {
            EN: (
                "Choose the network “Genkan-Guest”. It opens a page; the password is on the sign "
                "in the hall and changes every Monday."
            ),
            JA: (
                "ネットワーク「Genkan-Guest」をお選びください。パスワードはロビーの案内板にあり、毎"
                "週月曜日に変わります。"
            ),
            ZH: "请选择网络“Genkan-Guest”。密码写在大厅的告示牌上，每周一更换。",
        },
    ),
    (
        {
            EN: [
                "Where can I park?",
                "Is there parking?",
                "I am coming by car",
                "How much is the car park?",
            ],
            JA: [
                "駐車場はありますか",
                "車を停める場所",
                "車で行きたいのですが",
                "駐車料金はいくらですか",
                "パーキング",
            ],
            ZH: ["哪里可以停车？", "有停车场吗", "开车来怎么停", "停车费多少钱", "停车位"],
        },
        {
            EN: (
                "The car park is below the building, entrance on the north side. Guests park free "
                "of charge: take a ticket and show it at the exit gate."
            ),
            JA: (
                "建物の地下に駐車場があります。入口は北側です。お客様は無料です。駐車券を取り、出口"
                "のゲートでお見せください。"
            ),
            ZH: "大楼地下有停车场，入口在北侧。访客免费：请取票，出口时出示即可。",
        },
    ),
    (
        {
            EN: [
                "I am running late",
                "I will be late",
                "My train is delayed",
                "I am stuck in traffic",
                "Can I come later?",
            ],
            JA: [
                "遅れます",
                "遅刻しそうです",
                "電車が遅れています",
                "渋滞で遅くなります",
                "到着が遅くなる",
            ],
            ZH: ["我会迟到", "我要晚到了", "火车晚点了", "路上堵车", "晚一点到可以吗"],
        },
        {
            EN: (
                "No problem. Press “On my way” on your visit page and choose how many minutes; "
                "your host sees it at once. Your code stays valid."
            ),
            JA: (
                "大丈夫です。ご訪問ページの「向かっています」を押し、到着までの分数をお選びください"
                "。担当者にすぐ伝わります。コードはそのまま使えます。"
            ),
            ZH: "没关系。请在来访页面按“我在路上”并选择分钟数，接待您的人会马上看到。您的码仍然有效。",
        },
    ),
    (
        {
            EN: [
                "How do I get there?",
                "Which station is nearest?",
                "What is the address?",
                "How do I find the entrance?",
                "Directions from the station",
            ],
            JA: [
                "行き方を教えてください",
                "最寄り駅はどこですか",
                "住所を教えてください",
                "入口はどこですか",
                "駅からの道順",
                "アクセス",
            ],
            ZH: ["怎么走？", "最近的车站是哪个", "地址在哪里", "入口在哪里", "从车站怎么过去"],
        },
        {
            EN: (
                "From Tokyo station take the Marunouchi north exit and walk five minutes towards "
                "the river. The entrance is under the blue lantern. Your visit page has a map."
            ),
            JA: (
                "東京駅丸の内北口から川の方へ徒歩5分です。入口は青い灯りの下です。ご訪問ページに地"
                "図があります。"
            ),
            ZH: "从东京站丸之内北口出来，朝河的方向步行五分钟。入口在蓝色灯笼下面。来访页面上有地图。",
        },
    ),
    (
        {
            EN: [
                "Do you speak English?",
                "Can I have an interpreter?",
                "How do I change the language?",
                "Does anybody speak Chinese?",
            ],
            JA: [
                "英語は通じますか",
                "通訳をお願いできますか",
                "言語を変えたい",
                "中国語を話せる人はいますか",
                "日本語で表示する",
            ],
            ZH: ["有人会说中文吗", "可以有翻译吗", "怎么换语言", "会说英语吗", "切换成中文"],
        },
        {
            EN: (
                "This page speaks English, Japanese and Chinese: choose at the bottom. For an "
                "interpreter please ask your host beforehand."
            ),
            JA: (
                "このページは日本語・英語・中国語に対応しています。ページの下でお選びください。通訳"
                "が必要な場合は、事前に担当者へご相談ください。"
            ),
            ZH: "本页面支持中文、日文和英文，请在页面底部选择。需要翻译的话，请提前告诉接待您的人。",
        },
    ),
    (
        {
            EN: [
                "Where is the toilet?",
                "Where are the restrooms?",
                "Is there an accessible toilet?",
                "Where is the bathroom?",
            ],
            JA: ["トイレはどこですか", "お手洗いはどこ", "多目的トイレはありますか", "化粧室"],
            ZH: ["洗手间在哪里", "厕所在哪儿", "有无障碍厕所吗", "卫生间"],
        },
        {
            EN: (
                "On every floor, right of the lifts; on the ground floor behind the gates to the "
                "left. All of them have an accessible cubicle."
            ),
            JA: (
                "各階のエレベーターの右側、1階はゲートを入って左にあります。どの階にもバリアフリー"
                "トイレがございます。"
            ),
            ZH: "每层都有，在电梯右侧；一楼在闸机后左侧。每处都有无障碍隔间。",
        },
    ),
    (
        {
            EN: [
                "Where can I smoke?",
                "Is there a smoking area?",
                "May I use an e-cigarette here?",
            ],
            JA: ["喫煙所はありますか", "タバコを吸える場所", "電子タバコは使えますか", "喫煙"],
            ZH: ["哪里可以抽烟", "有吸烟区吗", "可以抽电子烟吗", "吸烟室"],
        },
        {
            EN: (
                "The building is smoke-free, e-cigarettes too. There is a smoking area in the "
                "courtyard, on the roofed side."
            ),
            JA: "館内は電子タバコも含めて禁煙です。中庭の屋根のある側に喫煙所がございます。",
            ZH: "楼内全面禁烟，包括电子烟。庭院有顶棚的一侧设有吸烟区。",
        },
    ),
    (
        {
            EN: [
                "My code does not work",
                "The gate does not open",
                "I lost my QR code",
                "My phone's battery is empty",
            ],
            JA: [
                "コードが読み取れません",
                "ゲートが開きません",
                "QRコードをなくしました",
                "スマホの電池が切れました",
            ],
            ZH: ["二维码扫不了", "闸机打不开", "二维码丢了", "手机没电了"],
        },
        {
            EN: (
                "Make the screen bright and hold the phone flat before the reader. If that does "
                "not help, press “Talk to a person” here, or the call button at the gate."
            ),
            JA: (
                "画面を明るくして、読み取り部にかざしてください。それでも開かないときは、ここで「人"
                "と話す」を押すか、ゲートの呼び出しボタンを押してください。"
            ),
            ZH: (
                "请调亮屏幕，把手机平放在读码器前。如果还不行，请在这里按“联系人工”，或按闸机上的呼"
                "叫按钮。"
            ),
        },
    ),
    (
        {
            EN: [
                "Can I bring a colleague?",
                "May somebody come with me?",
                "Can I bring my dog?",
                "I want to bring another person",
            ],
            JA: [
                "同僚を連れて行ってもいいですか",
                "同伴者を追加したい",
                "もう一人参加します",
                "人数が増えました",
            ],
            ZH: ["可以带同事来吗", "我想带一个人", "多一个人来可以吗", "增加同行人"],
        },
        {
            EN: (
                "Yes: name them on your visit page under “Bring somebody”, and they get an "
                "invitation of their own. Assistance dogs are welcome, other pets please at home."
            ),
            JA: (
                "はい。ご訪問ページの「同伴者」からお名前をお知らせください。その方にも招待が届きま"
                "す。補助犬は歓迎いたします。"
            ),
            ZH: "可以。请在来访页面的“同行人”里写上姓名，对方会收到自己的邀请。欢迎协助犬。",
        },
    ),
    (
        {
            EN: [
                "Is there a lift?",
                "Is the building wheelchair accessible?",
                "A way without steps",
                "I use a wheelchair",
            ],
            JA: [
                "エレベーターはありますか",
                "車椅子で入れますか",
                "段差のない経路",
                "バリアフリーですか",
            ],
            ZH: ["有电梯吗", "轮椅可以进去吗", "无障碍通道", "有没有没有台阶的路"],
        },
        {
            EN: (
                "Yes, every floor can be reached without steps. Say so under “What you need to get "
                "about” on your visit page, and the way shown to you follows."
            ),
            JA: (
                "はい、すべての階に段差なしでお越しいただけます。ご訪問ページの「移動に必要なこと」"
                "でお知らせいただくと、段差のない経路をご案内します。"
            ),
            ZH: "有，每层都可以无台阶到达。请在来访页面的“行动需要”中说明，路线会相应调整。",
        },
    ),
    (
        {
            EN: [
                "Where can I get something to drink?",
                "Is there coffee?",
                "Is there a cafe or something to eat?",
                "Where can I have lunch?",
            ],
            JA: [
                "飲み物はありますか",
                "コーヒーは飲めますか",
                "食事ができる場所",
                "昼食はどこで食べられますか",
                "カフェ",
            ],
            ZH: ["哪里有喝的", "有咖啡吗", "哪里可以吃饭", "附近有餐厅吗"],
        },
        {
            EN: (
                "Behind the gates your page offers you a drink from the machine, with our "
                "compliments. The café on the second floor is open from 8 to 17."
            ),
            JA: (
                "ゲートを入ると、ページから自動販売機のお飲み物をお選びいただけます（無料）。2階の"
                "カフェは8時から17時までです。"
            ),
            ZH: "通过闸机后，页面会请您从自动售货机免费选一瓶饮料。二楼咖啡厅8点到17点营业。",
        },
    ),
    (
        {
            EN: [
                "May I take photos?",
                "Is photography allowed?",
                "Can I record video here?",
            ],
            JA: ["写真を撮ってもいいですか", "撮影はできますか", "動画を撮りたい"],
            ZH: ["可以拍照吗", "允许摄影吗", "可以录像吗"],
        },
        {
            EN: "In the hall and the café, gladly. On all other floors please ask your host first.",
            JA: "ロビーとカフェでは撮影いただけます。その他の階では、先に担当者へご確認ください。",
            ZH: "大厅和咖啡厅可以。其他楼层请先问接待您的人。",
        },
    ),
]


def write(work: Work, site: SiteCode) -> None:
    """Give a site the list, and one sign by which people without a visit can write to it, where they are missing."""
    if models.questions_of(work.session, site):
        return
    for position, (asked, answers) in enumerate(QUESTIONS, 1):
        question = QuestionInput(asked=asked, answers=answers, position=position)
        conversations.add_question(work, site, question)
    conversations.put_up_contact(work, site, NewContactPoint(note="Beside the entrance"))
